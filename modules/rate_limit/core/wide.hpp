#pragma once

namespace gatehouse::rate_limit {

// For products of two 64-bit numbers.
__extension__ using Wide = __int128;

// dividend / divisor, rounded up. divisor > 0.
template <class T>
constexpr T divide_up(T dividend, T divisor) noexcept {
    return dividend / divisor + (dividend % divisor > 0 ? 1 : 0);
}

}  // namespace gatehouse::rate_limit
