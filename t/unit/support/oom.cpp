#define PCRE2_CODE_UNIT_WIDTH 8

#include "oom.hpp"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <pcre2.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace gatehouse::test {
namespace {

struct Injector {
    bool armed = false;
    bool struck = false;
    std::size_t countdown = 0;
    FailureMode mode = FailureMode::once;

    // Counts one allocation; true if it must fail.
    bool strikes() noexcept {
        if (!armed) {
            return false;
        }
        if (countdown > 1) {
            --countdown;
            return false;
        }
        armed = mode == FailureMode::forever;
        struck = true;
        return true;
    }
};

Injector injector;

void* json_allocate(std::size_t size) { return injector.strikes() ? nullptr : std::malloc(size); }

void* crypto_allocate(std::size_t size, const char*, int) {
    return injector.strikes() ? nullptr : std::malloc(size);
}

void* crypto_reallocate(void* memory, std::size_t size, const char*, int) {
    return injector.strikes() ? nullptr : std::realloc(memory, size);
}

void crypto_free(void* memory, const char*, int) { std::free(memory); }

// OpenSSL takes other allocators only before its first allocation: hence at start-up.
struct Hooks {
    Hooks() {
        json_set_alloc_funcs(json_allocate, std::free);
        if (CRYPTO_set_mem_functions(crypto_allocate, crypto_reallocate, crypto_free) != 1) {
            std::fputs("oom: OpenSSL had allocated memory before its hooks were set\n", stderr);
            std::abort();
        }
    }
};

const Hooks hooks;

}  // namespace

FailingAllocation::FailingAllocation(std::size_t nth, FailureMode mode) noexcept {
    injector = {.armed = true, .struck = false, .countdown = nth, .mode = mode};
}

FailingAllocation::~FailingAllocation() { injector.armed = false; }

bool FailingAllocation::struck() const noexcept { return injector.struck; }

// While it lives allocations are neither counted nor refused.
class Pause {
  public:
    Pause() noexcept : armed_(std::exchange(injector.armed, false)) {}
    ~Pause() { injector.armed = armed_; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

  private:
    bool armed_;
};

void report_endless_body() {
    std::fputs("oom: the test body meets a failed allocation every time\n", stderr);
    std::abort();
}

namespace {

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (injector.strikes()) {
        return nullptr;
    }
    if (size == 0) {
        size = 1;
    }
    if (alignment <= alignof(std::max_align_t)) {
        return std::malloc(size);
    }
    // aligned_alloc wants a multiple of the alignment.
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    if (void* memory = allocate(size, alignment)) {
        return memory;
    }
    // A handler may see how its program gets memory, or throw.
    if (const std::new_handler handler = std::get_new_handler(); handler != nullptr) {
        handler();
    }
    throw std::bad_alloc();
}

}  // namespace
}  // namespace gatehouse::test

// Every form is replaced: the sanitizer runtime defines them all one by one, so that the
// default ones do not fall back on each other as the standard library's do.

using gatehouse::test::allocate;
using gatehouse::test::allocate_or_throw;

// clang-format off
void* operator new(std::size_t n) { return allocate_or_throw(n, 1); }
void* operator new[](std::size_t n) { return allocate_or_throw(n, 1); }
void* operator new(std::size_t n, std::align_val_t a) { return allocate_or_throw(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return allocate_or_throw(n, std::size_t(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return allocate(n, 1); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return allocate(n, 1); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return allocate(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return allocate(n, std::size_t(a)); }

void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }
// clang-format on

// The linker sends calls of NAME to __wrap_NAME (-Wl,--wrap): each counts as one allocation and
// fails as the library says it does without memory, or succeeds as a whole. Visible, because ld
// also takes the calls of shared libraries for ours while it links; they go on calling NAME.
#pragma GCC visibility push(default)
extern "C" {

using gatehouse::test::injector;

// When an allocation fails in the middle of a text, jansson 2.14 loses characters, reads past the
// end of its buffer or aborts (akheron/jansson issue 362): nothing that our code could answer for.
json_t* __real_json_loadb(const char* text, size_t size, size_t flags, json_error_t* error);
json_t* __wrap_json_loadb(const char* text, size_t size, size_t flags, json_error_t* error) {
    if (injector.strikes()) {
        return nullptr;
    }
    const gatehouse::test::Pause pause;
    return __real_json_loadb(text, size, flags, error);
}

// PCRE2 has no allocator of the process, only one for each object.
pcre2_code* __real_pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE size, uint32_t options,
                                   int* error, PCRE2_SIZE* offset, pcre2_compile_context* context);
pcre2_code* __wrap_pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE size, uint32_t options,
                                   int* error, PCRE2_SIZE* offset, pcre2_compile_context* context) {
    if (injector.strikes()) {
        *error = PCRE2_ERROR_HEAP_FAILED;
        *offset = 0;
        return nullptr;
    }
    return __real_pcre2_compile_8(pattern, size, options, error, offset, context);
}

pcre2_match_data* __real_pcre2_match_data_create_from_pattern_8(const pcre2_code* code,
                                                                pcre2_general_context* context);
pcre2_match_data* __wrap_pcre2_match_data_create_from_pattern_8(const pcre2_code* code,
                                                                pcre2_general_context* context) {
    return injector.strikes() ? nullptr
                              : __real_pcre2_match_data_create_from_pattern_8(code, context);
}

pcre2_match_context* __real_pcre2_match_context_create_8(pcre2_general_context* context);
pcre2_match_context* __wrap_pcre2_match_context_create_8(pcre2_general_context* context) {
    return injector.strikes() ? nullptr : __real_pcre2_match_context_create_8(context);
}

int __real_pcre2_match_8(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE size,
                         PCRE2_SIZE start, uint32_t options, pcre2_match_data* data,
                         pcre2_match_context* context);
int __wrap_pcre2_match_8(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE size,
                         PCRE2_SIZE start, uint32_t options, pcre2_match_data* data,
                         pcre2_match_context* context) {
    return injector.strikes()
               ? PCRE2_ERROR_NOMEMORY
               : __real_pcre2_match_8(code, subject, size, start, options, data, context);
}

// hiredis 0.14 has no allocator of its own.
redisReader* __real_redisReaderCreateWithFunctions(redisReplyObjectFunctions* functions);
redisReader* __wrap_redisReaderCreateWithFunctions(redisReplyObjectFunctions* functions) {
    return injector.strikes() ? nullptr : __real_redisReaderCreateWithFunctions(functions);
}

int __real_redisReaderFeed(redisReader* reader, const char* octets, size_t size);
int __wrap_redisReaderFeed(redisReader* reader, const char* octets, size_t size) {
    return injector.strikes() ? REDIS_ERR : __real_redisReaderFeed(reader, octets, size);
}

using FormattedSize = decltype(redisFormatCommandArgv(nullptr, 0, nullptr, nullptr));
FormattedSize __real_redisFormatCommandArgv(char** target, int count, const char** words,
                                            const size_t* lengths);
FormattedSize __wrap_redisFormatCommandArgv(char** target, int count, const char** words,
                                            const size_t* lengths) {
    return injector.strikes() ? -1 : __real_redisFormatCommandArgv(target, count, words, lengths);
}

}  // extern "C"
#pragma GCC visibility pop
