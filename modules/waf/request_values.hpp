#pragma once

#include <string>
#include <string_view>

#include "ngx/request.hpp"
#include "waf/conf.hpp"

namespace gatehouse::waf {

// What the engine is told of a request, and what variables of the configuration say for it. Throw
// std::bad_alloc.

// A value that is neither on, off nor detect is on: a mistake must not open the gate.
Enabled enabled_for(ngx_http_request_t* r, const LocConf& conf);
bool is_dry_run(ngx_http_request_t* r, const LocConf& conf);
std::string transaction_id(ngx_http_request_t* r, const LocConf& conf);

// Addresses without ports; the client's is what realip has made of it.
struct Ends {
    std::string client;
    int client_port = 0;
    std::string server;
    int server_port = 0;
};
Ends ends_of(ngx_connection_t* c);

// As SecLang knows it: 1.1
std::string_view version_of(const ngx_http_request_t* r) noexcept;

// What the client gets, as far as it is known.
int response_status(const ngx_http_request_t* r) noexcept;

// Calls `visit(type)` for each media type that clients may take the response for, without
// parameters. They are lenient: blanks of any kind around it do not count, and of several, in one
// field or more, they may take any. If there is none, they guess.
void visit_media_types(ngx_http_request_t* r, void* context,
                       void (*visit)(void* context, std::string_view type));

template <class Visit>
void for_each_media_type(ngx_http_request_t* r, Visit visit) {
    visit_media_types(r, &visit, [](void* context, std::string_view type) {
        (*static_cast<Visit*>(context))(type);
    });
}

// Calls `visit(name, value)` for each field that the response will have, those included that nginx
// makes only while it writes them.
void visit_response_headers(ngx_http_request_t* r, void* context,
                            void (*visit)(void* context, std::string_view name,
                                          std::string_view value));

template <class Visit>
void for_each_response_header(ngx_http_request_t* r, Visit visit) {
    visit_response_headers(r, &visit,
                           [](void* context, std::string_view name, std::string_view value) {
                               (*static_cast<Visit*>(context))(name, value);
                           });
}

// The field Location of a redirect, in place of any other. A rule may have made the URL of what the
// client has sent.
void set_location(ngx_http_request_t* r, std::string_view url);

}  // namespace gatehouse::waf
