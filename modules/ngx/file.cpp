#include "ngx/file.hpp"

#include <array>

#include "ngx/str.hpp"

namespace gatehouse::ngx {
namespace {

class OpenFile {
  public:
    // Non-blocking: opening a FIFO must not stop the worker.
    explicit OpenFile(const std::string& path) noexcept
        : fd_(ngx_open_file(path.c_str(), NGX_FILE_RDONLY | NGX_FILE_NONBLOCK, NGX_FILE_OPEN, 0)) {}
    ~OpenFile() {
        if (fd_ != NGX_INVALID_FILE) {
            ngx_close_file(fd_);
        }
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    ngx_fd_t fd() const noexcept { return fd_; }

  private:
    ngx_fd_t fd_;
};

std::string system_error(std::string_view call, std::string_view path) {
    const ngx_err_t error = ngx_errno;
    std::array<u_char, NGX_MAX_ERROR_STR> text;
    const u_char* end = ngx_strerror(error, text.data(), text.size());
    std::string problem(call);
    problem.append(" \"")
        .append(path)
        .append("\" failed (")
        .append(std::to_string(error))
        .append(": ");
    problem.append(reinterpret_cast<const char*>(text.data()),
                   static_cast<std::size_t>(end - text.data()));
    return problem + ')';
}

std::string about(std::string_view path, std::string_view problem) {
    return std::string("\"").append(path).append("\" ").append(problem);
}

}  // namespace

FileContent read_file(std::string_view path, std::size_t limit) {
    const std::string name(path);
    const OpenFile file(name);
    if (file.fd() == NGX_INVALID_FILE) {
        return {{}, system_error("open()", path)};
    }
    ngx_file_info_t info;
    if (ngx_fd_info(file.fd(), &info) == NGX_FILE_ERROR) {
        return {{}, system_error("fstat()", path)};
    }
    if (!ngx_is_file(&info)) {
        return {{}, about(path, "is not a regular file")};
    }
    if (static_cast<std::size_t>(ngx_file_size(&info)) > limit) {
        return {{}, about(path, "is too large")};
    }
    std::string content(static_cast<std::size_t>(ngx_file_size(&info)), '\0');
    std::size_t got = 0;
    while (got < content.size()) {
        const ssize_t n = ngx_read_fd(file.fd(), content.data() + got, content.size() - got);
        if (n < 0) {
            return {{}, system_error("read()", path)};
        }
        if (n == 0) {
            break;  // it has become shorter
        }
        got += static_cast<std::size_t>(n);
    }
    content.resize(got);
    return {std::move(content), {}};
}

}  // namespace gatehouse::ngx
