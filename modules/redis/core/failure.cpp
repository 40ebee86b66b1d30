#include "redis/core/failure.hpp"

namespace gatehouse::redis {

std::string_view message(Failure failure) noexcept {
    switch (failure) {
    case Failure::none:
        return "no failure";
    case Failure::down:
        return "the server is away";
    case Failure::full:
        return "too many calls are waiting";
    case Failure::timeout:
        return "timed out";
    case Failure::lost:
        return "connection lost";
    case Failure::protocol:
        return "invalid reply";
    case Failure::refused:
        return "refused by the server";
    }
    return "";
}

}  // namespace gatehouse::redis
