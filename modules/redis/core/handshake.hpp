#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/core/failure.hpp"
#include "redis/core/reply.hpp"
#include "redis/core/script.hpp"
#include "redis/core/sentinel.hpp"

namespace gatehouse::redis {

struct HandshakeOptions {
    std::string_view username = {};  // empty: the default user
    std::string_view password = {};  // empty: no AUTH
    std::size_t database = 0;
    std::string_view client_name = "gatehouse";  // empty: no CLIENT SETNAME
    std::span<const Script* const> scripts = {};
    std::optional<Role> role = {};  // what the server must be; nothing: anything, ROLE is not asked
};

// What a new connection sends before its first call, all in one write, and what the answers to it
// mean. AUTH, not HELLO: ACL rules cannot forbid it, and RESP2 is what we speak anyway.
class Handshake {
  public:
    explicit Handshake(const HandshakeOptions& options);  // throws std::bad_alloc
    Handshake(Handshake&& other) noexcept = default;
    Handshake& operator=(Handshake&&) = delete;
    ~Handshake() { sent(); }

    // To be sent; gone after sent(), which wipes the password. Empty: done() from the start.
    std::string_view bytes() const noexcept { return {bytes_.data(), bytes_.size()}; }
    void sent() noexcept;

    // Takes the next answer, in order. Failure::none: it will do. Otherwise the connection is of
    // no use, and problem() says why. Must not be called when done(). Throws std::bad_alloc.
    Failure answer(const Reply& reply);
    bool done() const noexcept { return answered_ == steps_.size(); }

    // What is wrong, for the log, e.g. `AUTH was refused: WRONGPASS`; after an answer that will do
    // all the same, what does not work: `SCRIPT LOAD was refused: NOPERM`. Empty: nothing.
    std::string_view problem() const noexcept { return problem_; }

  private:
    enum class Step : std::uint8_t { auth, select, set_name, load, role };

    static std::string_view name(Step step) noexcept;
    Failure answer_error(Step step, std::string_view text);
    Failure answer_role(std::optional<Role> role);

    std::vector<char> bytes_;  // not std::string: a move leaves no copy behind
    std::vector<Step> steps_;
    std::size_t answered_ = 0;
    std::optional<Role> role_;
    std::string problem_;
};

}  // namespace gatehouse::redis
