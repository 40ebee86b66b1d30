#pragma once

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "ngx/api.hpp"

namespace gatehouse::ngx {

// ngx_str_t is neither NUL-terminated nor free of NULs: inside, everything is a string_view.
inline std::string_view view(const ngx_str_t& text) noexcept {
    return {reinterpret_cast<const char*>(text.data), text.len};
}

// The same bytes, borrowed. nginx's type has no const; what it is handed must not be written to.
inline ngx_str_t borrow(std::string_view text) noexcept {
    return {text.size(), reinterpret_cast<u_char*>(const_cast<char*>(text.data()))};
}

// A copy in `pool`, followed by a NUL that is not counted. Throws std::bad_alloc.
inline ngx_str_t copy(ngx_pool_t* pool, std::string_view text) {
    auto* data = static_cast<u_char*>(ngx_pnalloc(pool, text.size() + 1));
    if (data == nullptr) {
        throw std::bad_alloc();
    }
    if (!text.empty()) {
        std::memcpy(data, text.data(), text.size());
    }
    data[text.size()] = '\0';
    return {text.size(), data};
}

inline bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && ngx_strncasecmp(borrow(a).data, borrow(b).data, a.size()) == 0;
}

// ASCII only, as nginx does it. Throws std::bad_alloc.
inline std::string lower(std::string_view text) {
    std::string small(text);
    for (char& c : small) {
        c = static_cast<char>(ngx_tolower(c));
    }
    return small;
}

inline bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }

// With control characters as blanks: a text that may hold anything of a request cannot start
// another line where it becomes a part of one. Throws std::bad_alloc.
inline std::string printable(std::string_view text) {
    std::string line(text);
    std::replace_if(line.begin(), line.end(), is_control, ' ');
    return line;
}

// nginx compares names of variables and headers in lower case and with `_` for `-`:
// `$http_x_token`.
inline bool names_header(std::string_view variable, std::string_view header) noexcept {
    if (variable.size() != header.size()) {
        return false;
    }
    for (std::size_t i = 0; i < header.size(); ++i) {
        const int c = header[i] == '-' ? '_' : ngx_tolower(header[i]);
        if (c != variable[i]) {
            return false;
        }
    }
    return true;
}

}  // namespace gatehouse::ngx
