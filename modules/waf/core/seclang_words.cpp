#include "waf/core/seclang_words.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "waf/core/seclang.hpp"

namespace gatehouse::waf::seclang {

namespace {

// Names with blanks between them.
constexpr struct {
    Form form;
    std::string_view names;
} kDirectives[] = {
    {Form::rule, "SecRule"},
    {Form::actions, "SecAction SecDefaultAction"},
    {Form::script, "SecRuleScript"},
    {Form::update_targets,
     "SecRuleUpdateTargetById SecRuleUpdateTargetByMsg SecRuleUpdateTargetByTag"},
    {Form::update_actions, "SecRuleUpdateActionById"},
    {Form::include, "Include"},
    {Form::remote, "SecRemoteRules"},
    {Form::word,
     "SecAuditEngine SecAuditLogFormat SecAuditLogType SecConnEngine SecContentInjection "
     "SecDisableBackendCompression SecHashEngine SecRemoteRulesFailAction "
     "SecRequestBodyAccess SecRequestBodyLimitAction SecResponseBodyAccess "
     "SecResponseBodyLimitAction SecResponseBodyMimeTypesClear SecRuleEngine "
     "SecTmpSaveUploadedFiles SecUploadKeepFiles SecXmlExternalEntity"},
    {Form::argument,
     "SecArgumentSeparator SecArgumentsLimit SecAuditLog SecAuditLog2 SecAuditLogDirMode "
     "SecAuditLogFileMode SecAuditLogParts SecAuditLogRelevantStatus SecAuditLogStorageDir "
     "SecCollectionTimeout SecComponentSignature SecCookieFormat SecDataDir SecDebugLog "
     "SecDebugLogLevel SecGeoLookupDb SecHttpBlKey SecMarker SecPcreMatchLimit "
     "SecPcreMatchLimitRecursion SecRequestBodyInMemoryLimit SecRequestBodyJsonDepthLimit "
     "SecRequestBodyLimit SecRequestBodyNoFilesLimit SecResponseBodyLimit "
     "SecResponseBodyMimeType SecRuleRemoveById SecRuleRemoveByMsg SecRuleRemoveByTag "
     "SecStatusEngine SecTmpDir SecUnicodeMapFile SecUploadDir SecUploadFileLimit "
     "SecUploadFileMode SecWebAppId"},
    {Form::unsupported,
     "SecCacheTransformations SecChrootDir SecConnReadStateLimit SecConnWriteStateLimit "
     "SecCookieV0Separator SecGsbLookupDb SecGuardianLog SecHashKey SecHashMethodPm "
     "SecHashMethodRx SecHashParam SecInterceptOnError SecRuleInheritance SecRulePerfTime "
     "SecSensorId SecServerSignature SecStreamInBodyInspection SecStreamOutBodyInspection"},
};

constexpr std::string_view kOperators =
    "beginsWith contains containsWord detectSQLi detectXSS endsWith eq fuzzyHash ge geoLookup "
    "gsbLookup gt inspectFile ipMatch ipMatchF ipMatchFromFile le lt pm pmf pmFromFile rbl "
    "rsub rx rxGlobal streq strmatch unconditionalMatch validateByteRange validateDTD "
    "validateHash validateSchema validateUrlEncoding validateUtf8Encoding verifyCC verifyCPF "
    "verifySSN verifySVNR within";

constexpr std::string_view kTransformations =
    "base64Decode base64DecodeExt base64Encode cmdLine compressWhitespace cssDecode "
    "escapeSeqDecode hexDecode hexEncode htmlEntityDecode jsDecode length lowercase md5 none "
    "normalisePath normalisePathWin normalizePath normalizePathWin parityEven7bit "
    "parityOdd7bit parityZero7bit removeComments removeCommentsChar removeNulls "
    "removeWhitespace replaceComments replaceNulls sha1 sqlHexDecode trim trimLeft trimRight "
    "uppercase urlDecode urlDecodeUni urlEncode utf8toUnicode";

constexpr std::string_view kVariables =
    "ARGS ARGS_COMBINED_SIZE ARGS_GET ARGS_GET_NAMES ARGS_NAMES ARGS_POST ARGS_POST_NAMES "
    "AUTH_TYPE DURATION ENV FILES FILES_COMBINED_SIZE FILES_NAMES FILES_SIZES FILES_TMPNAMES "
    "FILES_TMP_CONTENT FULL_REQUEST FULL_REQUEST_LENGTH GEO GLOBAL HIGHEST_SEVERITY "
    "INBOUND_DATA_ERROR IP MATCHED_VAR MATCHED_VARS MATCHED_VARS_NAMES MATCHED_VAR_NAME "
    "MODSEC_BUILD MULTIPART_BOUNDARY_QUOTED MULTIPART_BOUNDARY_WHITESPACE "
    "MULTIPART_CRLF_LF_LINES MULTIPART_DATA_AFTER MULTIPART_DATA_BEFORE MULTIPART_FILENAME "
    "MULTIPART_FILE_LIMIT_EXCEEDED MULTIPART_HEADER_FOLDING MULTIPART_INVALID_HEADER_FOLDING "
    "MULTIPART_INVALID_PART MULTIPART_INVALID_QUOTING MULTIPART_LF_LINE "
    "MULTIPART_MISSING_SEMICOLON MULTIPART_NAME MULTIPART_PART_HEADERS "
    "MULTIPART_SEMICOLON_MISSING MULTIPART_STRICT_ERROR MULTIPART_UNMATCHED_BOUNDARY "
    "OUTBOUND_DATA_ERROR PATH_INFO QUERY_STRING REMOTE_ADDR REMOTE_HOST REMOTE_PORT "
    "REMOTE_USER REQBODY_ERROR REQBODY_ERROR_MSG REQBODY_PROCESSOR REQBODY_PROCESSOR_ERROR "
    "REQBODY_PROCESSOR_ERROR_MSG REQUEST_BASENAME REQUEST_BODY REQUEST_BODY_LENGTH "
    "REQUEST_COOKIES REQUEST_COOKIES_NAMES REQUEST_FILENAME REQUEST_HEADERS "
    "REQUEST_HEADERS_NAMES REQUEST_LINE REQUEST_METHOD REQUEST_PROTOCOL REQUEST_URI "
    "REQUEST_URI_RAW RESOURCE RESPONSE_BODY RESPONSE_CONTENT_LENGTH RESPONSE_CONTENT_TYPE "
    "RESPONSE_HEADERS RESPONSE_HEADERS_NAMES RESPONSE_PROTOCOL RESPONSE_STATUS RULE "
    "SERVER_ADDR SERVER_NAME SERVER_PORT SESSION SESSIONID STATUS STATUS_LINE TIME TIME_DAY "
    "TIME_EPOCH TIME_HOUR TIME_MIN TIME_MON TIME_SEC TIME_WDAY TIME_YEAR TX UNIQUE_ID "
    "URLENCODED_ERROR USER USERID WEBAPPID XML";

// t and ctl have lists of their own.
constexpr std::string_view kActions =
    "accuracy allow append auditlog block capture chain ctl deny deprecatevar drop exec "
    "expirevar id initcol log logdata maturity msg multiMatch noauditlog nolog pass pause "
    "phase prepend proxy redirect rev sanitiseArg sanitiseMatched sanitiseMatchedBytes "
    "sanitiseRequestHeader sanitiseResponseHeader setenv setrsc setsid setuid setvar severity "
    "skip skipAfter status t tag ver xmlns";

constexpr std::string_view kControls =
    "auditEngine auditLogParts forceRequestBodyVariable requestBodyAccess "
    "requestBodyProcessor ruleEngine ruleRemoveById ruleRemoveByTag ruleRemoveTargetById "
    "ruleRemoveTargetByTag";

// The first of the names, taken off the front.
std::string_view take_name(std::string_view& names) noexcept {
    const std::string_view name = names.substr(0, names.find(' '));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    return name;
}

bool contains(std::string_view names, std::string_view name) noexcept {
    while (!names.empty()) {
        if (same_name(take_name(names), name)) {
            return true;
        }
    }
    return false;
}

std::string_view names_of(Kind kind) noexcept {
    switch (kind) {
    case Kind::operator_name:
        return kOperators;
    case Kind::transformation:
        return kTransformations;
    case Kind::variable:
        return kVariables;
    case Kind::action:
        return kActions;
    case Kind::control:
        return kControls;
    }
    return {};
}

// No known name is longer, so no longer one is close.
constexpr std::size_t kLongest = 48;

// Levenshtein's distance; a letter in the other case is none.
std::size_t distance(std::string_view a, std::string_view b) noexcept {
    std::array<std::size_t, kLongest + 1> row{};
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t change = same_name(a.substr(i, 1), b.substr(j, 1)) ? 0 : 1;
            const std::size_t best = std::min({diagonal + change, row[j] + 1, row[j + 1] + 1});
            diagonal = std::exchange(row[j + 1], best);
        }
    }
    return row[b.size()];
}

struct Nearest {
    std::size_t distance = 0;
    std::string_view name;
};

void find_nearest(std::string_view names, std::string_view name, Nearest& nearest) noexcept {
    while (!names.empty()) {
        const std::string_view each = take_name(names);
        const std::size_t excess =
            std::max(each.size(), name.size()) - std::min(each.size(), name.size());
        if (excess >= nearest.distance) {
            continue;
        }
        if (const std::size_t d = distance(name, each); d < nearest.distance) {
            nearest = {d, each};
        }
    }
}

// A third of the letters may be wrong, of short names two: as many as are swapped at once.
Nearest farthest(std::string_view name) noexcept {
    constexpr std::size_t kShort = 4;
    return {std::max<std::size_t>(name.size() / 3 + 1, name.size() < kShort ? 0 : 3), {}};
}

}  // namespace

std::optional<Form> directive_form(std::string_view name) noexcept {
    for (const auto& [form, names] : kDirectives) {
        if (contains(names, name)) {
            return form;
        }
    }
    return std::nullopt;
}

std::string_view nearest_directive(std::string_view name) noexcept {
    Nearest nearest = farthest(name);
    for (const auto& each : kDirectives) {
        if (name.size() <= kLongest && each.form != Form::unsupported) {
            find_nearest(each.names, name, nearest);
        }
    }
    return nearest.name;
}

bool known(Kind kind, std::string_view name) noexcept { return contains(names_of(kind), name); }

std::string_view nearest(Kind kind, std::string_view name) noexcept {
    Nearest found = farthest(name);
    if (name.size() <= kLongest) {
        find_nearest(names_of(kind), name, found);
    }
    return found.name;
}

}  // namespace gatehouse::waf::seclang
