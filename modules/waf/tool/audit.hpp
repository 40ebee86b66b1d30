#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::waf::tool {

// Audit logs of libmodsecurity 3 (SecAuditLogFormat Native and JSON), the event log of the
// module and the error log of nginx, as much as an exclusion needs. What stands in them comes from
// clients: where they could have forged the place that is looked for, nothing is found.

struct AuditMatch {
    std::int64_t rule = 0;
    std::string
        variable;  // what matched, ARGS:q; empty: the entry does not say, or not for certain
    std::string message;
    std::string file;  // where the rule is
};

struct AuditEntry {
    std::string transaction;
    std::string host;  // the header, empty without
    std::string name;  // in place of that: the server's name, in small letters and without a port
    std::string uri;   // as sent
    std::vector<AuditMatch> matches;
};

// Entries that are cut off or no entries are left out.
std::vector<AuditEntry> parse_audit(std::string_view text);

}  // namespace gatehouse::waf::tool
