#include "ngx/error.hpp"

#include <array>

namespace gatehouse::ngx {

std::string system_error(std::string_view what, ngx_err_t error) {
    std::array<u_char, NGX_MAX_ERROR_STR> text;
    const u_char* end = ngx_strerror(error, text.data(), text.size());
    std::string message(what);
    message.append(" failed (").append(std::to_string(error)).append(": ");
    message.append(reinterpret_cast<const char*>(text.data()),
                   static_cast<std::size_t>(end - text.data()));
    return message + ')';
}

}  // namespace gatehouse::ngx
