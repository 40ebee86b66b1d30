#include "waf/request_body.hpp"

#include <algorithm>
#include <array>

#include "ngx/guard.hpp"

namespace gatehouse::waf {
namespace {

// The reading is over, in the course of the phases or later.
void go_on(ngx_http_request_t* r) {
    Inspection* inspection = RequestContext::find(r);
    if (inspection != nullptr && inspection->waiting_for_body) {
        inspection->waiting_for_body = false;
        r->write_event_handler = ngx_http_core_run_phases;
        ngx_http_core_run_phases(r);
    }
}

Verdict feed_file(const ngx_buf_t& buffer, Inspection& inspection) {
    std::array<u_char, std::size_t{64} << 10> piece;
    off_t position = buffer.file_pos;
    while (position < buffer.file_last && inspection.active()) {
        const auto left = static_cast<std::size_t>(buffer.file_last - position);
        const ssize_t read =
            ngx_read_file(buffer.file, piece.data(), std::min(left, piece.size()), position);
        if (read <= 0) {
            return inspection.unreadable();
        }
        const std::string_view octets(reinterpret_cast<const char*>(piece.data()),
                                      static_cast<std::size_t>(read));
        if (inspection.append_request_body(octets) == Verdict::refuse) {
            return Verdict::refuse;
        }
        if (inspection.has_enough_of_request()) {
            break;
        }
        position += read;
    }
    return Verdict::go_on;
}

}  // namespace

bool has_body(const ngx_http_request_t* r) noexcept {
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}

ngx_int_t read_body(ngx_http_request_t* r, Inspection& inspection) {
    // While it is awaited the phases only run if reading has failed, for an error_page: the rules
    // see as much as has come.
    inspection.waiting_for_body = false;
    if (inspection.body_requested) {
        return NGX_OK;
    }
    inspection.body_requested = true;
    // ngx_http_dav_module wants a file, and moves it to its place.
    if (r->method == NGX_HTTP_PUT && r->content_handler == nullptr) {
        r->request_body_in_file_only = 1;
        r->request_body_in_persistent_file = 1;
        r->request_body_in_clean_file = 1;
        r->request_body_file_group_access = 1;
    }
    const ngx_int_t result =
        ngx_http_read_client_request_body(r, ngx::guard<ngx::OnThrow::nothing, go_on>);
    if (result >= NGX_HTTP_SPECIAL_RESPONSE) {
        return result;
    }
    // nginx has counted the reading: whoever ends the request later must not find that.
    --r->main->count;
    if (result == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (result == NGX_AGAIN) {
        inspection.waiting_for_body = true;
        return NGX_DONE;
    }
    r->write_event_handler = ngx_http_core_run_phases;
    return NGX_OK;
}

Verdict feed_body(ngx_http_request_t* r, Inspection& inspection) {
    if (r->request_body == nullptr) {
        return Verdict::go_on;
    }
    for (const ngx_chain_t* link = r->request_body->bufs; link != nullptr; link = link->next) {
        const ngx_buf_t& buffer = *link->buf;
        Verdict verdict = Verdict::go_on;
        if (ngx_buf_in_memory(link->buf)) {
            verdict = inspection.append_request_body(
                {reinterpret_cast<const char*>(buffer.pos),
                 static_cast<std::size_t>(buffer.last - buffer.pos)});
        } else if (buffer.in_file) {
            verdict = feed_file(buffer, inspection);
        }
        if (verdict == Verdict::refuse || inspection.has_enough_of_request()) {
            return verdict;
        }
    }
    return Verdict::go_on;
}

}  // namespace gatehouse::waf
