#include "ngx/lasting_zone.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

namespace gatehouse::ngx {
namespace {

constexpr std::string_view kPrefix = "gatehouse:";
constexpr int kFirst = STDERR_FILENO + 1;  // nginx replaces those below
constexpr std::size_t kMaxReadable = 150;  // of memfd_create's 249

// The readable part is for who looks into /proc/PID/maps; the hash is what tells zones apart.
std::string name_of(std::string_view name, std::size_t size, std::uint64_t fingerprint) {
    const std::string meaning =
        std::string(name) + '\0' + std::to_string(size) + '\0' + std::to_string(fingerprint);
    const auto digits = base::to_hex(base::siphash128({}, meaning));
    return std::string(kPrefix)
        .append(name.substr(0, kMaxReadable))
        .append(":")
        .append(digits.data(), digits.size());
}

// Calls `visit(fd, name)` for every memfd of this process until it returns true. False if it is
// not known which there are.
template <class Visit>
bool for_each_memory(Visit visit) {
    const std::unique_ptr<DIR, decltype([](DIR* opened) { closedir(opened); })> directory(
        opendir("/proc/self/fd"));
    if (directory == nullptr) {
        return false;
    }
    constexpr std::string_view kBefore = "/memfd:", kAfter = " (deleted)";
    while (const dirent* entry = readdir(directory.get())) {
        std::array<char, 512> link;
        const ssize_t length =
            readlinkat(dirfd(directory.get()), entry->d_name, link.data(), link.size());
        std::string_view name(link.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
        if (!name.starts_with(kBefore) || !name.ends_with(kAfter)) {
            continue;
        }
        name.remove_prefix(kBefore.size());
        name.remove_suffix(kAfter.size());
        if (visit(std::atoi(entry->d_name), name)) {
            break;
        }
    }
    return true;
}

// A descriptor of the memory of that name, or -1.
int find_memory(std::string_view wanted, ngx_log_t* log) {
    int found = -1;
    const bool known = for_each_memory([&](int fd, std::string_view name) {
        if (name == wanted) {
            found = fcntl(fd, F_DUPFD_CLOEXEC, kFirst);
        }
        return found != -1;
    });
    if (!known) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "opendir() \"/proc/self/fd\" failed, zones start afresh");
    }
    return found;
}

// All of it is there from the beginning: a worker that writes where the system has no page left
// would be killed for it.
int make_memory(const std::string& name, std::size_t size) noexcept {
    int fd = memfd_create(name.c_str(), MFD_CLOEXEC);
    if (fd != -1 && fd < kFirst) {
        const int low = std::exchange(fd, fcntl(fd, F_DUPFD_CLOEXEC, kFirst));
        close(low);
    }
    if (fd == -1) {
        return -1;
    }
    const int problem = posix_fallocate(fd, 0, static_cast<off_t>(size));
    if (problem != 0) {
        close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

void log_zone(ngx_uint_t level, ngx_log_t* log, ngx_err_t error, std::string_view name,
              const char* what) noexcept {
    ngx_log_error(level, log, error, "zone \"%*s\" %s", name.size(), name.data(), what);
}

}  // namespace

SharedMemory::SharedMemory(int fd, std::size_t size) noexcept : fd_(fd) {
    struct stat status {};
    if (fd == -1 || fstat(fd, &status) != 0 || static_cast<std::size_t>(status.st_size) != size) {
        return;
    }
    void* bytes = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes != MAP_FAILED) {
        bytes_ = {static_cast<std::byte*>(bytes), size};
    }
}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
    release();
    fd_ = std::exchange(other.fd_, -1);
    bytes_ = std::exchange(other.bytes_, {});
    return *this;
}

void SharedMemory::release() noexcept {
    if (!bytes_.empty()) {
        munmap(bytes_.data(), bytes_.size());
    }
    if (fd_ != -1) {
        close(fd_);
    }
}

bool LastingZone::add(ngx_conf_t* cf, std::string_view name, std::size_t size,
                      std::uint64_t fingerprint) {
    const std::string memory_name = name_of(name, size, fingerprint);
    memory_ = SharedMemory(find_memory(memory_name, cf->log), size);
    if (!memory_.bytes().empty() && go_on(fingerprint)) {
        return true;
    }
    if (memory_.fd() != -1) {
        log_zone(NGX_LOG_WARN, cf->log, 0, name, "is damaged and starts afresh");
    }
    memory_ = SharedMemory(make_memory(memory_name, size), size);
    if (memory_.bytes().empty()) {
        log_zone(NGX_LOG_EMERG, cf->log, ngx_errno, name, "could not be allocated");
        return false;
    }
    if (!start(fingerprint)) {
        log_zone(NGX_LOG_EMERG, cf->log, 0, name, "is too small");
        return false;
    }
    return true;
}

bool LastingZone::start(std::uint64_t fingerprint) noexcept {
    base::SipKey seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        return false;
    }
    region_ = shm::Region::format(memory_.bytes(), fingerprint, seed);
    return region_ && region_->body().size() > shm::RobustMutex::kBytes &&
           shm::RobustMutex::format(lock_bytes()) && format(body());
}

bool LastingZone::go_on(std::uint64_t fingerprint) noexcept {
    region_ = shm::Region::attach(memory_.bytes());
    return region_ && region_->fingerprint() == fingerprint &&
           region_->body().size() > shm::RobustMutex::kBytes && attach(body());
}

// nginx keeps all descriptors open for the new binary that are not to be closed on exec().
void LastingZone::commit() noexcept { fcntl(memory_.fd(), F_SETFD, 0); }

void LastingZone::keep_from_children() noexcept { fcntl(memory_.fd(), F_SETFD, FD_CLOEXEC); }

std::span<std::byte> LastingZone::body() const noexcept {
    return region_->body().subspan(shm::RobustMutex::kBytes);
}

std::span<std::byte, shm::RobustMutex::kBytes> LastingZone::lock_bytes() const noexcept {
    return region_->body().first<shm::RobustMutex::kBytes>();
}

void close_inherited(const ngx_cycle_t* cycle, std::string_view prefix) {
    if (!ngx_is_init_cycle(cycle->old_cycle)) {
        return;
    }
    const std::string wanted = std::string(kPrefix).append(prefix);
    for_each_memory([&](int fd, std::string_view name) {
        if (name.starts_with(wanted) && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) {
            close(fd);
        }
        return false;
    });
}

}  // namespace gatehouse::ngx
