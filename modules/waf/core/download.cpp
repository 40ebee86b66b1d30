#include "waf/core/download.hpp"

#include <curl/curl.h>

#include <memory>
#include <utility>

#include "waf/core/libmodsecurity_api.hpp"

namespace gatehouse::waf {
namespace {

constexpr std::size_t kMebibyte = 1048576;
constexpr std::size_t kMostOctets = 16 * kMebibyte;

// In front of what the child says.
constexpr char kText = '+';
constexpr char kReason = '-';

struct Receiver {
    std::string text{kText};
    bool too_large = false;
};

// What is not taken whole ends the transfer.
std::size_t receive(char* octets, std::size_t size, std::size_t count, void* context) noexcept {
    auto& receiver = *static_cast<Receiver*>(context);
    if (size * count > kMostOctets - (receiver.text.size() - 1)) {
        receiver.too_large = true;
        return 0;
    }
    receiver.text.append(octets, size * count);
    return size * count;
}

// Lines of the request's header.
class Fields {
  public:
    bool add(const std::string& field) noexcept {
        curl_slist* const more = curl_slist_append(list_.get(), field.c_str());
        if (more != nullptr) {
            static_cast<void>(list_.release());
            list_.reset(more);
        }
        return more != nullptr;
    }
    curl_slist* get() const noexcept { return list_.get(); }

  private:
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list_{nullptr, curl_slist_free_all};
};

CURLcode perform(CURL* curl, const std::string& url, const Fields& fields, Receiver& receiver) {
    CURLcode code = CURLE_OK;
    const auto set = [&](CURLoption option, auto value) {
        if (code == CURLE_OK) {
            code = curl_easy_setopt(curl, option, value);
        }
    };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_USERAGENT, "ModSecurity3");
    set(CURLOPT_HTTPHEADER, fields.get());
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_WRITEFUNCTION, &receive);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&receiver));
    return code == CURLE_OK ? curl_easy_perform(curl) : code;
}

std::string fetch(const std::string& key, const std::string& url) {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   curl_easy_cleanup);
    Fields fields;
    if (!curl || !fields.add("ModSec-key: " + key) ||
        !fields.add("ModSec-status: " + std::to_string(MODSECURITY_VERSION_NUM))) {
        return kReason + std::string("libcurl cannot be set up");
    }
    Receiver receiver;
    const CURLcode code = perform(curl.get(), url, fields, receiver);
    if (receiver.too_large) {
        return kReason + std::string("there are more than ") +
               std::to_string(kMostOctets / kMebibyte) + " MiB";
    }
    return code == CURLE_OK ? std::move(receiver.text)
                            : kReason + std::string(curl_easy_strerror(code));
}

}  // namespace

Tried download(const std::string& key, const std::string& url, std::chrono::seconds most) {
    Tried tried = try_in_child([&] { return fetch(key, url); }, most);
    if (tried.done) {
        tried.done = tried.text.starts_with(kText);
        tried.text.erase(0, 1);
    }
    return tried;
}

}  // namespace gatehouse::waf
