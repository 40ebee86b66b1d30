#include "redis/core/handshake.hpp"

#include <openssl/crypto.h>

#include <cassert>
#include <initializer_list>

#include "redis/core/command.hpp"
#include "redis/core/error_reply.hpp"

namespace gatehouse::redis {
namespace {

// One of them holds the password.
struct CleansedCommands {
    std::vector<Command> list;
    ~CleansedCommands() {
        for (Command& command : list) {
            command.cleanse();
        }
    }
};

constexpr std::size_t kOtherSteps = 4;  // AUTH, SELECT, CLIENT SETNAME, ROLE

}  // namespace

Handshake::Handshake(const HandshakeOptions& options) : role_(options.role) {
    CleansedCommands commands;
    // Reserved: from then on only Command allocates, and no copy of the password is left behind.
    commands.list.reserve(kOtherSteps + options.scripts.size());
    steps_.reserve(kOtherSteps + options.scripts.size());
    const auto add = [&](Step step, std::initializer_list<std::string_view> words) {
        commands.list.push_back(Command(words));
        steps_.push_back(step);
    };
    if (!options.password.empty() && options.username.empty()) {
        add(Step::auth, {"AUTH", options.password});
    } else if (!options.password.empty()) {
        add(Step::auth, {"AUTH", options.username, options.password});
    }
    if (options.database != 0) {
        add(Step::select, {"SELECT", std::to_string(options.database)});
    }
    if (!options.client_name.empty()) {
        add(Step::set_name, {"CLIENT", "SETNAME", options.client_name});
    }
    for (const Script* script : options.scripts) {
        add(Step::load, {"SCRIPT", "LOAD", script->text()});
    }
    if (options.role) {
        add(Step::role, {"ROLE"});
    }

    std::size_t size = 0;
    for (const Command& command : commands.list) {
        size += command.view().size();
    }
    bytes_.reserve(size);
    for (const Command& command : commands.list) {
        bytes_.insert(bytes_.end(), command.view().begin(), command.view().end());
    }
}

void Handshake::sent() noexcept {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
    bytes_.clear();
}

Failure Handshake::answer(const Reply& reply) {
    assert(!done());
    const Step step = steps_[answered_++];
    problem_.clear();
    if (reply.is(Type::error)) {
        return answer_error(step, reply.text);
    }
    if (step == Step::role) {
        return answer_role(parse_role(reply));
    }
    if (!reply.is(step == Step::load ? Type::string : Type::status)) {
        problem_.append("invalid reply to ").append(name(step));
        return Failure::protocol;
    }
    return Failure::none;
}

Failure Handshake::answer_role(std::optional<Role> role) {
    if (!role) {
        problem_.append("invalid reply to ").append(name(Step::role));
        return Failure::protocol;
    }
    if (*role != *role_) {
        problem_.append("it is a ").append(redis::name(*role));
        problem_.append(", not a ").append(redis::name(*role_));
        return Failure::refused;
    }
    return Failure::none;
}

Failure Handshake::answer_error(Step step, std::string_view text) {
    problem_.append(name(step)).append(" was refused: ").append(loggable(text));
    // Nobody needs the name, and a script that is not there is sent along by EVAL.
    const bool needed = step != Step::set_name && step != Step::load;
    const ErrorClass error_class = classify(text).error_class;
    const bool forbidden =
        error_class == ErrorClass::no_permission || error_class == ErrorClass::unknown_command;
    return needed || !forbidden ? Failure::refused : Failure::none;
}

std::string_view Handshake::name(Step step) noexcept {
    switch (step) {
    case Step::auth:
        return "AUTH";
    case Step::select:
        return "SELECT";
    case Step::set_name:
        return "CLIENT SETNAME";
    case Step::load:
        return "SCRIPT LOAD";
    case Step::role:
        return "ROLE";
    }
    return "";
}

}  // namespace gatehouse::redis
