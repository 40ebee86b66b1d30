#include "ngx/file.hpp"

#include "ngx/error.hpp"

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

std::string failed(std::string_view call, std::string_view path) {
    const ngx_err_t error = ngx_errno;
    return system_error(std::string(call).append(" \"").append(path).append("\""), error);
}

std::string about(std::string_view path, std::string_view problem) {
    return std::string("\"").append(path).append("\" ").append(problem);
}

}  // namespace

FileContent read_file(std::string_view path, std::size_t limit) {
    const std::string name(path);
    const OpenFile file(name);
    if (file.fd() == NGX_INVALID_FILE) {
        return {{}, failed("open()", path)};
    }
    ngx_file_info_t info;
    if (ngx_fd_info(file.fd(), &info) == NGX_FILE_ERROR) {
        return {{}, failed("fstat()", path)};
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
            return {{}, failed("read()", path)};
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
