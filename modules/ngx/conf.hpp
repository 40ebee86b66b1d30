#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ngx/guard.hpp"
#include "ngx/pool.hpp"
#include "ngx/str.hpp"

namespace gatehouse::ngx {

// What a setter returns: kConfOk, kConfError (the reason has been logged), or words that nginx
// completes to `"name" directive ...`.
using ConfResult = const char*;
inline constexpr ConfResult kConfOk = nullptr;
inline const ConfResult kConfError = static_cast<const char*>(NGX_CONF_ERROR);
inline constexpr ConfResult kDuplicate = "is duplicate";

// A place in the configuration, for errors that are found only after merging.
struct ConfPlace {
    std::string file;
    ngx_uint_t line = 0;
};

// One directive as it is being read: its arguments, and nginx-style errors about them.
class Directive {
  public:
    explicit Directive(ngx_conf_t* cf) noexcept : cf_(cf) {}

    ngx_conf_t* cf() const noexcept { return cf_; }
    std::string_view name() const noexcept { return view(words()[0]); }
    std::span<const ngx_str_t> args() const noexcept { return words().subspan(1); }
    std::string_view arg(std::size_t i) const noexcept { return view(args()[i]); }
    ConfPlace place() const;

    // Logs and returns kConfError.
    ConfResult invalid_parameter(std::string_view parameter, std::string_view hint = {}) const;
    ConfResult invalid_value(std::string_view value, std::string_view hint = {}) const;
    ConfResult duplicate_parameter(std::string_view name) const;
    ConfResult missing_parameter(std::string_view name) const;
    ConfResult error(std::string_view text) const;

    // The value may hold variables. Null if it is malformed, which has been logged.
    ngx_http_complex_value_t* complex(std::string_view text) const;

    // `$name` becomes the name; nothing, and an error logged, for everything else.
    std::optional<std::string_view> variable_name(std::string_view text) const;

  private:
    std::span<const ngx_str_t> words() const noexcept {
        return {static_cast<const ngx_str_t*>(cf_->args->elts), cf_->args->nelts};
    }
    ngx_conf_t* cf_;
};

// The value of `name=value`; nothing if `parameter` is not of that name.
std::optional<std::string_view> named_value(std::string_view parameter,
                                            std::string_view name) noexcept;

// Whether a value that Directive::complex() has made depends on the request. The text says so: what
// nginx has compiled it to is nginx's.
bool has_variables(const ngx_http_complex_value_t& value) noexcept;

// nginx's own readings of numbers, sizes (k, m) and times; nothing if malformed.
std::optional<std::size_t> parse_number(std::string_view text) noexcept;
std::optional<std::size_t> parse_size(std::string_view text) noexcept;
std::optional<time_t> parse_seconds(std::string_view text) noexcept;
std::optional<ngx_msec_t> parse_milliseconds(std::string_view text) noexcept;

// Words of a directive, and what they mean.
template <class Value>
struct Word {
    std::string_view text;
    Value value;
};
inline constexpr std::array<Word<bool>, 2> kFlags{{{"on", true}, {"off", false}}};
inline constexpr std::array<Word<ngx_uint_t>, 4> kLogLevels{{
    {"info", NGX_LOG_INFO},
    {"notice", NGX_LOG_NOTICE},
    {"warn", NGX_LOG_WARN},
    {"error", NGX_LOG_ERR},
}};

// As nginx takes the values of parameters: case counts.
template <class Value, std::size_t N>
std::optional<Value> find_word(const std::array<Word<Value>, N>& words, std::string_view text) {
    for (const Word<Value>& word : words) {
        if (word.text == text) {
            return word.value;
        }
    }
    return std::nullopt;
}

// The whole of a directive that takes one of `words`, and may stand once. As in nginx's flags,
// case does not count.
template <class Value, std::size_t N>
ConfResult set_word(const Directive& directive, const std::array<Word<Value>, N>& words,
                    std::optional<Value>& value) {
    if (value) {
        return kDuplicate;
    }
    for (const Word<Value>& word : words) {
        if (equal_ignoring_case(word.text, directive.arg(0))) {
            value = word.value;
            return kConfOk;
        }
    }
    return directive.invalid_value(directive.arg(0));
}

// The same for the status of refusals, 400 to 599.
ConfResult set_refusal_status(const Directive& directive, std::optional<ngx_uint_t>& status);

// Path relative to the directory of nginx.conf, as nginx takes its own files: while the
// configuration is read, and later. Throw std::bad_alloc.
std::string full_name(const ngx_conf_t* cf, std::string_view path);
std::string full_name(ngx_http_request_t* r, std::string_view path);

// The main configuration of a module, and the core's configuration of the level at hand, while the
// configuration is read.
template <class Conf>
Conf& main_conf(ngx_conf_t* cf, const ngx_module_t& module) noexcept {
    return *static_cast<Conf*>(
        static_cast<ngx_http_conf_ctx_t*>(cf->ctx)->main_conf[module.ctx_index]);
}
const ngx_http_core_loc_conf_t& core_location(ngx_conf_t* cf) noexcept;

// The same for the place where a request is.
const ngx_http_core_loc_conf_t& core_location(const ngx_http_request_t* r) noexcept;

// Registers a phase handler; of one phase the last registered runs first. Throws std::bad_alloc.
void add_phase_handler(ngx_conf_t* cf, ngx_http_phases phase, ngx_http_handler_pt handler);

// Registers the PREACCESS handler with which one of our modules takes part in the end of that
// phase. Everything else in the phase runs before it (realip corrects the address there where a
// location says so, and a token may have been verified: limits must see both). Of ours
// connection_limit runs first, then rate_limit, then the refusal of tokens, then rules that read
// the body, whatever the order in which modules are loaded. To be called once by each. Throws
// std::bad_alloc.
void add_preaccess_handler(ngx_conf_t* cf, const ngx_module_t& module, ngx_http_handler_pt handler);

// nginx hands a directive to the first module that knows its name. False, and the reason logged, if
// a directive of `module` belongs to another one in this nginx: what reads as protection would be
// something else.
bool owns_its_directives(ngx_conf_t* cf, const ngx_module_t& module);

// As the `env` directive: without it nginx drops the variable from its environment, and a binary
// upgrade, which reads the configuration again, would miss it. Throws std::bad_alloc.
void keep_environment(const ngx_conf_t* cf, std::string_view name);

// An error at EMERG as nginx prints those of the configuration, naming `place`.
void log_conf_error(const ngx_conf_t* cf, const ConfPlace& place, std::string_view text) noexcept;
void log_conf_warning(const ngx_conf_t* cf, const ConfPlace& place, std::string_view text) noexcept;

// Adapters write `ConfResult set(Directive&, Conf&)`, `Conf` being what create_conf made.
template <auto Function>
struct Setter;

template <class Conf, ConfResult (*Function)(Directive&, Conf&)>
struct Setter<Function> {
    static char* call(ngx_conf_t* cf, ngx_command_t*, void* conf) {
        Directive directive(cf);
        return const_cast<char*>(Function(directive, *static_cast<Conf*>(conf)));
    }
};

template <auto Function>
inline constexpr auto setter = guard<OnThrow::conf_error, Setter<Function>::call>;

template <class Conf>
void* create_conf(ngx_conf_t* cf) {
    return make<Conf>(cf->pool);
}

template <auto Function>
struct Merger;

template <class Conf, ConfResult (*Function)(ngx_conf_t*, const Conf&, Conf&)>
struct Merger<Function> {
    static char* call(ngx_conf_t* cf, void* parent, void* child) {
        return const_cast<char*>(
            Function(cf, *static_cast<Conf*>(parent), *static_cast<Conf*>(child)));
    }
};

template <class T>
void inherit(T& child, const T& parent) {
    if constexpr (requires { child.has_value(); }) {
        if (!child.has_value()) {
            child = parent;
        }
    } else if (child.empty()) {
        // As nginx's list directives: a level that sets any replaces the outer list.
        child = parent;
    }
}

}  // namespace gatehouse::ngx
