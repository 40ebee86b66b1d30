#include <cstdlib>

#include "base/base64.hpp"
#include "jwt/directives.hpp"
#include "ngx/file.hpp"

namespace gatehouse::jwt {
namespace {

constexpr std::size_t kMaxSecretFile = 65536;
constexpr std::size_t kMaxListFile = std::size_t{64} << 20;

constexpr std::array<ngx::Word<KeyFormat>, 3> kFormats{
    {{"jwks", KeyFormat::jwks}, {"keyval", KeyFormat::keyval}, {"pem", KeyFormat::pem}}};

// The optional second argument. False if it is something else, which has been logged.
bool read_format(const ngx::Directive& directive, KeyFormat& format) {
    const auto word =
        directive.args().size() < 2 ? KeyFormat::jwks : ngx::find_word(kFormats, directive.arg(1));
    if (!word) {
        directive.invalid_parameter(directive.arg(1),
                                    "a format is one of \"jwks\", \"keyval\", \"pem\"");
        return false;
    }
    format = *word;
    return true;
}

void drop_newline(std::string& text) {
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    if (text.ends_with('\r')) {
        text.pop_back();
    }
}

// `what` names where the secret came from; the secret itself is never named.
ngx::ConfResult add_secret(const ngx::Directive& directive, LocConf& conf, const std::string& what,
                           std::string secret) {
    if (directive.args().size() == 2) {
        if (directive.arg(1) != "base64") {
            return directive.invalid_parameter(directive.arg(1));
        }
        auto decoded = base::decode_base64_any(secret);
        if (!decoded) {
            return directive.error(what + " is not base64");
        }
        secret = std::move(*decoded);
    }
    auto keys = KeySet::of_secret(std::move(secret));
    if (!keys) {
        return directive.error(what + ": " + std::string(describe(keys.error())));
    }
    conf.declared.secrets.push_back({std::make_shared<const KeySet>(std::move(*keys)), what,
                                     directive.place(), std::make_shared<bool>(false)});
    return ngx::kConfOk;
}

template <auto Member>
ngx::ConfResult set_revocation_list(ngx::Directive& directive, LocConf& conf) {
    auto& list = conf.declared.*Member;
    if (list) {
        return ngx::kDuplicate;
    }
    const std::string path = ngx::full_name(directive.cf(), directive.arg(0));
    const auto file = ngx::read_file(path, kMaxListFile);
    if (!file.problem.empty()) {
        return directive.error(file.problem);
    }
    auto parsed = RevocationList::parse(file.content);
    if (!parsed) {
        return directive.error("\"" + path + "\": " + std::string(describe(parsed.error())));
    }
    list = std::make_shared<const RevocationList>(std::move(*parsed));
    return ngx::kConfOk;
}

}  // namespace

ngx::ConfResult set_key_file(ngx::Directive& directive, LocConf& conf) {
    KeyFile file{directive.complex(directive.arg(0)), KeyFormat::jwks, directive.place()};
    if (file.path == nullptr || !read_format(directive, file.format)) {
        return ngx::kConfError;
    }
    if (directive.arg(0).empty()) {
        return directive.invalid_value("");
    }
    conf.declared.key_files.push_back(std::move(file));
    return ngx::kConfOk;
}

ngx::ConfResult set_key_request(ngx::Directive& directive, LocConf& conf) {
    KeyRequest request{directive.complex(directive.arg(0)), KeyFormat::jwks};
    if (request.uri == nullptr || !read_format(directive, request.format)) {
        return ngx::kConfError;
    }
    if (!directive.arg(0).starts_with('/') && !directive.arg(0).starts_with('$')) {
        return directive.invalid_value(directive.arg(0), "it must be a local URI");
    }
    conf.declared.key_requests.push_back(request);
    return ngx::kConfOk;
}

ngx::ConfResult set_secret_file(ngx::Directive& directive, LocConf& conf) {
    const std::string path = ngx::full_name(directive.cf(), directive.arg(0));
    auto file = ngx::read_file(path, kMaxSecretFile);
    if (!file.problem.empty()) {
        return directive.error(file.problem);
    }
    drop_newline(file.content);
    return add_secret(directive, conf, "secret file \"" + path + "\"", std::move(file.content));
}

ngx::ConfResult set_secret_env(ngx::Directive& directive, LocConf& conf) {
    const std::string name(directive.arg(0));
    const char* value = std::getenv(name.c_str());
    const std::string what = "environment variable \"" + name + "\"";
    if (value == nullptr) {
        return directive.error(what + " is not set");
    }
    ngx::keep_environment(directive.cf(), name);
    std::string secret(value);
    drop_newline(secret);
    return add_secret(directive, conf, what, std::move(secret));
}

ngx::ConfResult set_revoked_subjects(ngx::Directive& directive, LocConf& conf) {
    return set_revocation_list<&Declared::revoked_subjects>(directive, conf);
}

ngx::ConfResult set_revoked_kids(ngx::Directive& directive, LocConf& conf) {
    return set_revocation_list<&Declared::revoked_kids>(directive, conf);
}

}  // namespace gatehouse::jwt
