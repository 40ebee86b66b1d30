#include "ngx/conf.hpp"

#include <dlfcn.h>

#include <algorithm>

namespace gatehouse::ngx {
namespace {

void log_at(ngx_uint_t level, const ngx_conf_t* cf, const ConfPlace& place,
            std::string_view text) noexcept {
    if (place.file.empty()) {
        ngx_log_error(level, cf->log, 0, "%*s", text.size(), text.data());
        return;
    }
    ngx_log_error(level, cf->log, 0, "%*s in %*s:%ui", text.size(), text.data(), place.file.size(),
                  place.file.data(), place.line);
}

std::string with_hint(std::string text, std::string_view hint) {
    if (!hint.empty()) {
        text.append("; ").append(hint);
    }
    return text;
}

std::string full_name(ngx_cycle_t* cycle, ngx_pool_t* pool, std::string_view path) {
    ngx_str_t name = copy(pool, path);
    // Unlike ngx_conf_full_name(), which allocates from the cycle's pool at each call.
    if (ngx_get_full_name(pool, &cycle->conf_prefix, &name) != NGX_OK) {
        throw std::bad_alloc();
    }
    return std::string(view(name));
}

bool names_variable(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Our handlers that end PREACCESS, the last to run first, as nginx keeps the handlers of a phase.
constexpr std::array<std::string_view, 4> kPreaccessOrder{
    "ngx_http_gatehouse_waf_module",
    "ngx_http_gatehouse_jwt_module",
    "ngx_http_gatehouse_rate_limit_module",
    "ngx_http_gatehouse_connection_limit_module",
};

std::size_t preaccess_rank(const ngx_module_t& module) noexcept {
    return static_cast<std::size_t>(std::ranges::find(kPreaccessOrder, module.name) -
                                    kPreaccessOrder.begin());
}

// Whether the handler is code of that module: both lie in the same shared object.
bool belongs_to(ngx_http_handler_pt handler, const ngx_module_t& module) noexcept {
    Dl_info code{}, data{};
    return dladdr(reinterpret_cast<void*>(handler), &code) != 0 && dladdr(&module, &data) != 0 &&
           code.dli_fbase == data.dli_fbase;
}

// Whether it is to run after the one of `module`.
bool runs_after(const ngx_conf_t* cf, ngx_http_handler_pt handler,
                const ngx_module_t& module) noexcept {
    for (ngx_module_t** other = cf->cycle->modules; *other != nullptr; ++other) {
        if (preaccess_rank(**other) < preaccess_rank(module) && belongs_to(handler, **other)) {
            return true;
        }
    }
    return false;
}

bool knows(const ngx_module_t& module, const ngx_str_t& name) noexcept {
    for (const ngx_command_t* command = module.commands; command->name.len > 0; ++command) {
        if (view(command->name) == view(name)) {
            return true;
        }
    }
    return false;
}

std::string quoted(std::string_view text) { return std::string("\"").append(text).append("\""); }

}  // namespace

ConfPlace Directive::place() const {
    if (cf_->conf_file == nullptr) {
        return {};
    }
    return {std::string(view(cf_->conf_file->file.name)), cf_->conf_file->line};
}

ConfResult Directive::error(std::string_view text) const {
    ngx_conf_log_error(NGX_LOG_EMERG, cf_, 0, "%*s", text.size(), text.data());
    return kConfError;
}

ConfResult Directive::invalid_parameter(std::string_view parameter, std::string_view hint) const {
    return error(with_hint("invalid parameter " + quoted(parameter), hint));
}

ConfResult Directive::invalid_value(std::string_view value, std::string_view hint) const {
    return error(
        with_hint("invalid value " + quoted(value) + " in " + quoted(name()) + " directive", hint));
}

ConfResult Directive::duplicate_parameter(std::string_view name) const {
    return error("duplicate " + quoted(name) + " parameter");
}

ConfResult Directive::missing_parameter(std::string_view name) const {
    return error(quoted(this->name()) + " must have " + quoted(name) + " parameter");
}

ngx_http_complex_value_t* Directive::complex(std::string_view text) const {
    auto* value = allocate<ngx_http_complex_value_t>(cf_->pool);
    ngx_str_t source = copy(cf_->pool, text);
    ngx_http_compile_complex_value_t compile{};
    compile.cf = cf_;
    compile.value = &source;
    compile.complex_value = value;
    return ngx_http_compile_complex_value(&compile) == NGX_OK ? value : nullptr;
}

bool has_variables(const ngx_http_complex_value_t& value) noexcept {
    return view(value.value).find('$') != std::string_view::npos;
}

std::optional<std::string_view> Directive::variable_name(std::string_view text) const {
    const bool is_variable = text.size() > 1 && text.front() == '$' &&
                             std::all_of(text.begin() + 1, text.end(), names_variable);
    if (!is_variable) {
        error("invalid variable name " + quoted(text));
        return std::nullopt;
    }
    return text.substr(1);
}

std::optional<std::string_view> named_value(std::string_view parameter,
                                            std::string_view name) noexcept {
    if (parameter.size() <= name.size() || !parameter.starts_with(name) ||
        parameter[name.size()] != '=') {
        return std::nullopt;
    }
    return parameter.substr(name.size() + 1);
}

std::optional<std::size_t> parse_number(std::string_view text) noexcept {
    const ngx_int_t value = ngx_atoi(borrow(text).data, text.size());
    return value == NGX_ERROR ? std::nullopt : std::optional(static_cast<std::size_t>(value));
}

std::optional<std::size_t> parse_size(std::string_view text) noexcept {
    ngx_str_t line = borrow(text);
    const ssize_t value = ngx_parse_size(&line);
    return value == NGX_ERROR ? std::nullopt : std::optional(static_cast<std::size_t>(value));
}

std::optional<time_t> parse_seconds(std::string_view text) noexcept {
    ngx_str_t line = borrow(text);
    const ngx_int_t value = ngx_parse_time(&line, 1);
    return value == NGX_ERROR ? std::nullopt : std::optional(static_cast<time_t>(value));
}

std::optional<ngx_msec_t> parse_milliseconds(std::string_view text) noexcept {
    ngx_str_t line = borrow(text);
    const ngx_int_t value = ngx_parse_time(&line, 0);
    return value == NGX_ERROR ? std::nullopt : std::optional(static_cast<ngx_msec_t>(value));
}

std::string full_name(const ngx_conf_t* cf, std::string_view path) {
    return full_name(cf->cycle, cf->pool, path);
}

std::string full_name(ngx_http_request_t* r, std::string_view path) {
    // The cycle's prefixes are only read.
    return full_name(const_cast<ngx_cycle_t*>(ngx_cycle), r->pool, path);
}

const ngx_http_core_loc_conf_t& core_location(ngx_conf_t* cf) noexcept {
    return *static_cast<const ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
}

const ngx_http_core_loc_conf_t& core_location(const ngx_http_request_t* r) noexcept {
    return *static_cast<const ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
}

void add_phase_handler(ngx_conf_t* cf, ngx_http_phases phase, ngx_http_handler_pt handler) {
    auto& core = main_conf<ngx_http_core_main_conf_t>(cf, ngx_http_core_module);
    auto* slot = static_cast<ngx_http_handler_pt*>(ngx_array_push(&core.phases[phase].handlers));
    if (slot == nullptr) {
        throw std::bad_alloc();
    }
    *slot = handler;
}

void add_preaccess_handler(ngx_conf_t* cf, const ngx_module_t& module,
                           ngx_http_handler_pt handler) {
    add_phase_handler(cf, NGX_HTTP_PREACCESS_PHASE, handler);
    const auto& core = main_conf<ngx_http_core_main_conf_t>(cf, ngx_http_core_module);
    const ngx_array_t& array = core.phases[NGX_HTTP_PREACCESS_PHASE].handlers;
    const std::span handlers(static_cast<ngx_http_handler_pt*>(array.elts), array.nelts);
    const auto place = std::ranges::find_if_not(
        handlers, [&](ngx_http_handler_pt other) { return runs_after(cf, other, module); });
    std::rotate(place, handlers.end() - 1, handlers.end());
}

bool owns_its_directives(ngx_conf_t* cf, const ngx_module_t& module) {
    for (ngx_module_t** other = cf->cycle->modules; *other != &module; ++other) {
        const ngx_command_t* command = (*other)->commands;
        if ((*other)->type != NGX_HTTP_MODULE || command == nullptr) {
            continue;
        }
        for (; command->name.len > 0; ++command) {
            if (knows(module, command->name)) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "the \"%V\" directive belongs to module \"%s\" of this nginx; "
                                   "\"%s\" cannot be loaded beside it",
                                   &command->name, (*other)->name, module.name);
                return false;
            }
        }
    }
    return true;
}

void keep_environment(const ngx_conf_t* cf, std::string_view name) {
    auto* core =
        reinterpret_cast<ngx_core_conf_t*>(ngx_get_conf(cf->cycle->conf_ctx, ngx_core_module));
    auto* kept = static_cast<ngx_str_t*>(core->env.elts);
    for (ngx_uint_t i = 0; i < core->env.nelts; ++i) {
        const std::string_view one = view(kept[i]);
        if (one.substr(0, one.find('=')) == name) {
            return;
        }
    }
    auto* added = static_cast<ngx_str_t*>(ngx_array_push(&core->env));
    if (added == nullptr) {
        throw std::bad_alloc();
    }
    *added = copy(cf->pool, name);
}

void log_conf_error(const ngx_conf_t* cf, const ConfPlace& place, std::string_view text) noexcept {
    log_at(NGX_LOG_EMERG, cf, place, text);
}

void log_conf_warning(const ngx_conf_t* cf, const ConfPlace& place,
                      std::string_view text) noexcept {
    log_at(NGX_LOG_WARN, cf, place, text);
}

ConfResult set_refusal_status(const Directive& directive, std::optional<ngx_uint_t>& status) {
    if (status) {
        return kDuplicate;
    }
    const auto number = parse_number(directive.arg(0));
    if (!number || *number < 400 || *number > 599) {
        return directive.invalid_value(directive.arg(0), "it must be between 400 and 599");
    }
    status = *number;
    return kConfOk;
}

}  // namespace gatehouse::ngx
