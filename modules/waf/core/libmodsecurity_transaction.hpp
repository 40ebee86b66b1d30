#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "waf/core/engine.hpp"
#include "waf/core/libmodsecurity_rules.hpp"

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

    void detect_only() noexcept override;
    Step connection(std::string_view client, int client_port, std::string_view server,
                    int server_port) override;
    Step uri(std::string_view uri, std::string_view method, std::string_view version) override;
    Step request_header(std::string_view name, std::string_view value) override;
    Step request_headers() override;
    bool reads_request_body() const noexcept override;
    Step append_request_body(std::string_view octets) override;
    Step request_body() override;
    Step response_header(std::string_view name, std::string_view value) override;
    Step response_headers(int status, std::string_view protocol) override;
    void forget_response_headers() noexcept override;
    void forget_response_body() noexcept override;
    void read_any_response_type() noexcept override { any_response_type_ = true; }
    Step append_response_body(std::string_view octets) override;
    Step response_body() override;
    Step logging(int status) override;
    const std::string& log_problem() const noexcept override { return log_problem_; }
    const Intervention& intervention() const noexcept override { return intervention_; }
    int score() const override;

  private:
    template <class F>
    Step run(F&& step) noexcept;
    Step outcome();
    bool take_intervention();
    template <class F>
    auto with_response_type(F&& step);
    void report_disruptive(bool intervenes);
    void report(const modsecurity::RuleMessage& message, std::string_view text, bool disruptive);
    int number(const std::string& variable) const;

    std::shared_ptr<Compiled> rules_;
    Observer& observer_;
    bool detect_only_ = false;
    bool failed_ = false;
    bool any_response_type_ = false;
    std::size_t reported_ = 0;  // of the library's messages
    std::string log_problem_;
    Intervention intervention_;
    modsecurity::Transaction transaction_;
};

}  // namespace gatehouse::waf
