#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "waf/core/body_counter.hpp"
#include "waf/core/deadline.hpp"
#include "waf/core/engine.hpp"
#include "waf/core/libmodsecurity_rules.hpp"
#include "waf/core/multipart_view.hpp"

namespace gatehouse::waf {

class LibraryTransaction final : public Transaction {
  public:
    // Throws what the library throws.
    LibraryTransaction(modsecurity::ModSecurity& library, std::shared_ptr<Compiled> rules,
                       std::string id, Observer& observer);

    static void* operator new(std::size_t size);
    static void operator delete(void* memory) noexcept;

    // For ModSecurity::setServerLogCb with RuleMessageLogProperty.
    static void matched(void* transaction, const void* message) noexcept;

    void limit(const Limits& limits) noexcept override;
    void detect_only() noexcept override;
    Step connection(std::string_view client, int client_port, std::string_view server,
                    int server_port) override;
    Step uri(const Target& target, std::string_view method, std::string_view version) override;
    Step request_header(std::string_view name, std::string_view value) override;
    Step request_headers() override;
    bool reads_request_body() const noexcept override;
    bool enforces() const noexcept override;
    Step append_request_body(std::string_view octets) override;
    Step request_body() override;
    Step response_header(std::string_view name, std::string_view value) override;
    Step response_headers(int status, std::string_view protocol) override;
    bool reads_response_body() const noexcept override;
    bool may_refuse_response() const noexcept override;
    bool may_audit_response_body() const noexcept override;
    void forget_response_headers() noexcept override;
    void forget_response_body() noexcept override;
    void read_any_response_type() noexcept override { any_response_type_ = true; }
    Step append_response_body(std::string_view octets) override;
    Step response_body() override;
    Step logging(int status) override;
    const std::string& log_problem() const noexcept override { return log_problem_; }
    const Intervention& intervention() const noexcept override { return intervention_; }
    Excess excess() const noexcept override { return excess_; }
    std::string_view body_doubt() const noexcept override { return body_doubt_; }
    std::string body_error() const override;
    std::string_view limit_error() const noexcept override;
    std::chrono::microseconds spent() const noexcept override { return spent_; }
    int score() const override;

  private:
    template <class F>
    Step run(F&& step) noexcept;
    template <class F>
    Step run_bounded(F&& step) noexcept;

    // libmodsecurity_matches.cpp
    Step outcome();
    bool take_intervention();
    void report_disruptive(bool intervenes);
    void report(const modsecurity::RuleMessage& message, std::string_view text, bool disruptive);
    int number(const std::string& variable) const;

    // libmodsecurity_limits.cpp
    static void stop_rules(void* transaction) noexcept;
    Step exceed(Excess excess) noexcept;
    void allow_time_for(std::size_t octets) noexcept;
    Excess count_arguments(const Target& target);
    Excess count_field(std::string_view name, std::string_view value) noexcept;
    Excess count_body(std::string_view octets);
    BodyCounter make_body_counter();
    char separator() const;

    // libmodsecurity_reading.cpp
    void correct_path(const Target& target, std::size_t offset);
    void read_behind_fragment(const Target& target, std::size_t offset);
    void complete_header(std::string_view name, std::string_view value);
    void read_body_as(BodyKind kind, std::size_t offset);
    bool process_request_body();
    bool process_multipart(std::string_view content_type);
    bool restore_line_breaks(const std::vector<MultipartField>& fields);

    template <class F>
    auto with_response_type(F&& step);

    std::shared_ptr<Compiled> rules_;
    Observer& observer_;
    bool detect_only_ = false;
    bool failed_ = false;
    bool any_response_type_ = false;
    Excess excess_ = Excess::none;
    Limits limits_;
    Deadline::Microseconds time_left_{limits_.time};
    Deadline::Microseconds spent_{0};
    std::uint64_t inspected_ = 0;  // octets that time was allowed for
    std::string_view body_doubt_;
    std::uint64_t fields_ = 0;
    std::uint64_t cookies_ = 0;
    std::uint64_t arguments_ = 0;
    std::optional<BodyCounter> body_counter_;
    std::size_t reported_ = 0;  // of the library's messages
    std::string log_problem_;
    Intervention intervention_;
    modsecurity::Transaction transaction_;
};

}  // namespace gatehouse::waf
