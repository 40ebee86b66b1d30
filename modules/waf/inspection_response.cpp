#include <algorithm>

#include "waf/inspection.hpp"
#include "waf/request_values.hpp"

// What the engine is told of the response.

namespace gatehouse::waf {

std::uint64_t Inspection::most_of_response() const noexcept {
    return conf->response_body.most_given(rules_in_use_->response_body_limit());
}

void Inspection::complete_refusal() {
    if (!location_.empty() && request->headers_out.location == nullptr &&
        static_cast<ngx_int_t>(request->headers_out.status) == refusal_status_) {
        set_location(request, location_);
    }
    // Nobody judges this answer, but the audit log is to have it, and not what it stands for.
    if (active() && rules_in_use_->heeds_response()) {
        transaction_->forget_response_headers();
        add_response_headers();
    }
}

void Inspection::add_response_headers() {
    for_each_response_header(request, [&](std::string_view name, std::string_view value) {
        if (active() && transaction_->response_header(name, value) == Transaction::Step::failed) {
            broken();
        }
    });
}

Verdict Inspection::response_headers() {
    response_seen = true;
    if (!active() || !rules_in_use_->heeds_response()) {
        return Verdict::go_on;
    }
    add_response_headers();
    if (!active()) {
        return refused_ ? Verdict::refuse : Verdict::go_on;
    }
    return settle(transaction_->response_headers(response_status(request), "HTTP/1.1"));
}

bool Inspection::wants_response_body() const {
    return active() && rules_in_use_->heeds_response_body() && reads_this_response();
}

bool Inspection::audits_response_body() const {
    return active() && transaction_->may_audit_response_body() && reads_this_response();
}

// What was refused for its body has that in the audit log.
bool Inspection::wants_answer_body() const {
    return active() && response_octets_ == 0 && reads_this_response();
}

bool Inspection::reads_this_response() const {
    if (!conf->response_body.allowed || !transaction_->reads_response_body()) {
        return false;
    }
    const auto& ours = conf->response_body.types;
    bool has_type = false;
    bool is_read = false;
    for_each_media_type(request, [&](std::string_view type) {
        const auto is_it = [&](const std::string& other) {
            return ngx::equal_ignoring_case(type, other);
        };
        has_type = true;
        is_read = is_read || (ours.empty() ? rules_in_use_->reads_response_type(type)
                                           : std::any_of(ours.begin(), ours.end(), is_it));
    });
    return is_read || !has_type;
}

void Inspection::begin_response_body() noexcept { transaction_->read_any_response_type(); }

Verdict Inspection::append_response_body(std::string_view octets) {
    if (!active()) {
        return Verdict::go_on;
    }
    const std::uint64_t most = most_of_response();
    octets = octets.substr(0, most - std::min(most, response_octets_));
    response_octets_ += octets.size();
    return octets.empty() ? Verdict::go_on : settle(transaction_->append_response_body(octets));
}

void Inspection::forget_response() noexcept {
    response_seen = false;
    response_octets_ = 0;
    if (active()) {
        transaction_->forget_response_headers();
        transaction_->forget_response_body();
    }
}

// One octet beyond the limit, and the engine has an opinion.
void Inspection::append_answer_body(std::string_view octets) {
    if (!active()) {
        return;
    }
    const std::uint64_t limit = rules_in_use_->response_body_limit();
    const std::uint64_t most =
        limit == 0 ? most_of_response() : std::min(most_of_response(), limit);
    octets = octets.substr(0, most - std::min(most, response_octets_));
    response_octets_ += octets.size();
    if (!octets.empty() &&
        transaction_->append_response_body(octets) == Transaction::Step::failed) {
        broken();
    }
}

Verdict Inspection::response_body() {
    return active() ? settle(transaction_->response_body()) : Verdict::go_on;
}

}  // namespace gatehouse::waf
