#include "jwt/conf.hpp"
#include "jwt/module.hpp"
#include "jwt/warnings.hpp"
#include "ngx/file.hpp"

namespace gatehouse::jwt {
namespace {

void inherit_all(Declared& child, const Declared& parent) {
    const auto each = [&](auto... members) {
        (ngx::inherit(child.*members, parent.*members), ...);
    };
    each(&Declared::authentication, &Declared::phase, &Declared::validate_exp,
         &Declared::validate_signature, &Declared::strip, &Declared::dry_run, &Declared::leeway,
         &Declared::max_lifetime, &Declared::key_cache, &Declared::max_token_size,
         &Declared::min_hmac_bytes, &Declared::log_level, &Declared::algorithms, &Declared::limits,
         &Declared::nesting, &Declared::challenge, &Declared::type_is_signed, &Declared::padding);
    each(&Declared::key_files, &Declared::key_requests, &Declared::secrets, &Declared::values,
         &Declared::claim_rules, &Declared::header_rules, &Declared::issuers, &Declared::audiences,
         &Declared::scopes, &Declared::required_claims, &Declared::types);
    if (!child.revoked_subjects) {
        child.revoked_subjects = parent.revoked_subjects;
    }
    if (!child.revoked_kids) {
        child.revoked_kids = parent.revoked_kids;
    }
}

Policy make_policy(const Declared& declared, const Limits& limits) {
    Policy policy;
    policy.limits.bytes = declared.max_token_size.value_or(policy.limits.bytes);
    policy.limits.json = {limits.json_depth, limits.json_members};
    policy.limits.padding = declared.padding.value_or(false);
    policy.algorithms = declared.algorithms.value_or(AlgorithmSet::all());
    policy.validate_signature = declared.validate_signature.value_or(true);
    policy.validate_exp = declared.validate_exp.value_or(true);
    policy.leeway = static_cast<double>(declared.leeway.value_or(0));
    policy.max_tries = limits.tries;
    policy.min_secret_bytes = declared.min_hmac_bytes.value_or(0);
    if (declared.max_lifetime) {
        policy.max_lifetime = static_cast<double>(*declared.max_lifetime);
    }
    policy.types = declared.types;
    policy.issuers = declared.issuers;
    policy.audiences = declared.audiences;
    policy.scopes = declared.scopes;
    policy.required_claims = declared.required_claims;
    policy.revoked_subjects = declared.revoked_subjects;
    policy.revoked_kids = declared.revoked_kids;
    return policy;
}

bool has_usable_key(const KeySet& set, std::size_t min_secret_bytes) noexcept {
    for (const Key& key : set.keys()) {
        if (key.type() != KeyType::oct || key.secret_bytes() >= min_secret_bytes) {
            return true;
        }
    }
    return false;
}

void log_notes(const ngx_conf_t* cf, const ngx::ConfPlace& place, const std::string& source,
               const std::vector<KeyNote>& notes) {
    for (const KeyNote& note : notes) {
        if (note.is_left_out()) {
            // Nothing that nginx.conf could change.
            ngx::log(NGX_LOG_NOTICE, cf->log, "auth_jwt: ", source + describe(note));
        } else {
            ngx::log_conf_warning(cf, place, source + describe(note));
        }
    }
}

// Null if the file cannot be used, which has been logged.
KeySetPtr load_key_file(ngx_conf_t* cf, const KeyFile& file, const LocConf& conf) {
    const std::string path = ngx::full_name(cf, ngx::view(file.path->value));
    auto& loaded = ngx::main_conf<MainConf>(cf, ngx_http_gatehouse_jwt_module).key_files;
    const KeyLimits& limits = conf.key_limits;
    const std::string id = path + " " + std::to_string(static_cast<int>(file.format)) + " " +
                           std::to_string(limits.bytes) + " " + std::to_string(limits.keys) + " " +
                           std::to_string(limits.depth);
    if (const auto known = loaded.find(id); known != loaded.end()) {
        return known->second;
    }
    const auto fail = [&](std::string_view reason) -> KeySetPtr {
        ngx::log_conf_error(cf, file.place, reason);
        return nullptr;
    };
    const auto read = ngx::read_file(path, limits.bytes);
    if (!read.problem.empty()) {
        return fail(read.problem);
    }
    std::vector<KeyNote> notes;
    auto parsed = KeySet::parse(read.content, file.format, limits, notes);
    if (!parsed) {
        return fail("key file \"" + path +
                    "\": " + describe_refused(parsed.error(), read.content, file.format));
    }
    log_notes(cf, file.place, "key file \"" + path + "\": ", notes);
    return loaded[id] = std::make_shared<const KeySet>(std::move(*parsed));
}

bool resolve_key_files(ngx_conf_t* cf, LocConf& conf) {
    for (const KeyFile& file : conf.declared.key_files) {
        if (ngx::has_variables(*file.path)) {
            conf.dynamic_files.push_back(file);
            continue;
        }
        KeySetPtr keys = load_key_file(cf, file, conf);
        if (!keys) {
            return false;
        }
        if (!has_usable_key(*keys, conf.policy.min_secret_bytes)) {
            ngx::log_conf_error(cf, file.place,
                                "key file \"" + std::string(ngx::view(file.path->value)) +
                                    "\": " + std::string(describe(Error::no_usable_key)));
            return false;
        }
        conf.static_keys.push_back(std::move(keys));
    }
    return true;
}

bool resolve_secrets(ngx_conf_t* cf, LocConf& conf) {
    for (const SecretSource& secret : conf.declared.secrets) {
        const Key& key = secret.keys->keys().front();
        if (key.secret_bytes() < conf.policy.min_secret_bytes) {
            ngx::log_conf_error(cf, secret.place,
                                secret.name + " is shorter than auth_jwt_min_hmac_bytes");
            return false;
        }
        if (key.secret_is_short() && !std::exchange(*secret.warned, true)) {
            ngx::log_conf_warning(cf, secret.place,
                                  secret.name + " is shorter than the 32 bytes that HS256 needs");
        }
        conf.static_keys.push_back(secret.keys);
    }
    return true;
}

Result<Path> read_path(std::string_view name, const std::optional<Nesting>& nesting) {
    if (Path::looks_like_jq(name)) {
        return Path::parse_jq(name);
    }
    if (nesting) {
        return Path::parse_delimited(name, nesting->delimiter, nesting->quote);
    }
    return Path::of_names({std::string(name)});
}

bool resolve_rules(ngx_conf_t* cf, const std::vector<RuleText>& texts,
                   const std::optional<Nesting>& nesting, std::vector<Rule>& rules) {
    for (const RuleText& text : texts) {
        auto path = read_path(text.name, nesting);
        if (!path) {
            ngx::log_conf_error(cf, text.place, "invalid parameter \"" + text.name + "\"");
            return false;
        }
        auto requirement = make_requirement(std::move(*path), text);
        if (!requirement) {
            ngx::log_conf_error(cf, text.place, describe(requirement.error()));
            return false;
        }
        rules.push_back({std::move(*requirement), &text});
    }
    return true;
}

// A server's own level, and an `if` in it, serve requests only where no location does: the
// locations may well name the keys that it lacks, or all requests are redirected. What does reach
// it is refused.
bool must_have_keys(const ngx_http_core_loc_conf_t& core, bool declared_here) noexcept {
    const bool is_location = core.name.len > 0;
    const bool is_if = core.noname == 1;
    return is_location || (declared_here && !is_if && core.locations == nullptr);
}

// What a level adds to the demands of the outer ones. Keys alone demand nothing.
bool has_demands(const Declared& declared) noexcept {
    const auto any = [](const auto&... lists) { return (!lists.empty() || ...); };
    return (declared.authentication && declared.authentication->mode == Mode::enforced) ||
           declared.max_lifetime || declared.revoked_subjects || declared.revoked_kids ||
           any(declared.values, declared.claim_rules, declared.header_rules, declared.issuers,
               declared.audiences, declared.scopes, declared.required_claims, declared.types);
}

// A location that is `internal` and has demands of its own is mostly what auth_request names.
void warn_about_subrequests(ngx_conf_t* cf, const LocConf& conf) {
    const ngx_http_core_loc_conf_t& core = ngx::core_location(cf);
    if (core.internal != 1 || core.noname == 1 || !conf.own_demands ||
        conf.phase != Phase::access) {
        return;
    }
    ngx::log_conf_warning(
        cf, conf.authentication.place,
        "\"auth_jwt\" " + where(core) + " is not checked " + std::string(kInSubrequests));
}

bool check(ngx_conf_t* cf, const LocConf& conf, bool declared_here) {
    if (conf.authentication.mode != Mode::enforced) {
        return true;
    }
    const ngx_http_core_loc_conf_t& core = ngx::core_location(cf);
    const bool no_keys = conf.static_keys.empty() && !finds_keys_late(conf);
    if (no_keys && conf.policy.validate_signature && must_have_keys(core, declared_here)) {
        ngx::log_conf_error(cf, conf.authentication.place,
                            "\"auth_jwt\" is on without any key " + where(core) +
                                "; add auth_jwt_key_file, auth_jwt_key_request, "
                                "auth_jwt_secret_file or auth_jwt_secret_env");
        return false;
    }
    if (conf.strip && !conf.authentication.source.removable()) {
        ngx::log_conf_error(cf, conf.authentication.place,
                            "\"auth_jwt_strip\" needs the token in a header, a cookie or an "
                            "argument");
        return false;
    }
    warn_about_subrequests(cf, conf);
    return true;
}

}  // namespace

ngx::ConfResult merge(ngx_conf_t* cf, const LocConf& parent, LocConf& child) {
    Declared& declared = child.declared;
    const bool declared_here = declared.authentication.has_value();
    child.own_demands = has_demands(declared);
    inherit_all(declared, parent.declared);
    const Limits limits = declared.limits.value_or(Limits{});

    child.authentication = declared.authentication.value_or(Authentication{});
    child.phase = declared.phase.value_or(child.phase);
    child.strip = declared.strip.value_or(child.strip);
    child.dry_run = declared.dry_run.value_or(child.dry_run);
    child.log_level = declared.log_level.value_or(child.log_level);
    child.key_cache = declared.key_cache.value_or(child.key_cache);
    child.challenge = declared.challenge.value_or(child.challenge);
    child.key_limits = limits.keys;
    child.policy = make_policy(declared, limits);

    const bool sound =
        resolve_key_files(cf, child) && resolve_secrets(cf, child) &&
        resolve_rules(cf, declared.claim_rules, declared.nesting, child.claim_rules) &&
        resolve_rules(cf, declared.header_rules, declared.nesting, child.header_rules) &&
        check(cf, child, declared_here);
    for (const KeySetPtr& keys : child.static_keys) {
        child.static_sets.push_back(keys.get());
    }
    return sound ? ngx::kConfOk : ngx::kConfError;
}

}  // namespace gatehouse::jwt
