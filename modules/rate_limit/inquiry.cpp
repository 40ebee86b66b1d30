#include "rate_limit/inquiry.hpp"

#include <utility>

#include "ngx/clock.hpp"
#include "rate_limit/memory.hpp"
#include "rate_limit/worker.hpp"

namespace gatehouse::rate_limit {

class Inquiry final : public redis::Waiter {
  public:
    Inquiry(Inquiries& owner, std::vector<Question> questions)
        : owner_(owner), questions_(std::move(questions)), charged_(questions_.size()) {
        for (const Question& question : questions_) {
            items_.push_back(
                {question.policy.get(), question.cost, Item::Kind::whole, question.zone->debt()});
        }
    }

    ~Inquiry() override {
        if (inquirer_ != nullptr) {
            inquirer_->inquiry_ = nullptr;
        }
    }

    std::list<Inquiry>::iterator self;

    void belong_to(Inquirer* inquirer) noexcept {
        inquirer_ = inquirer;
        if (inquirer != nullptr) {
            inquirer->inquiry_ = this;
        }
    }

    redis::Failure send(std::span<const std::string_view> keys) {
        Arguments arguments;
        for (const Item& item : items_) {
            arguments.add_charge(item);
        }
        return owner_.worker_.client(*questions_.front().zone)
            .call(owner_.worker_.charge, keys, arguments.view(), this);
    }

    void answered(const redis::Reply& reply) noexcept override {
        const auto answer = read_charge(reply, items_, charged_);
        if (!answer) {
            owner_.worker_.distrust(*questions_.front().zone);
            failed(redis::Failure::protocol);
            return;
        }
        for (std::size_t i = 0; i < questions_.size(); ++i) {
            learn(questions_[i], charged_[i].verdict, *answer);
        }
        end(&*answer);
    }

    void failed(redis::Failure) noexcept override {
        for (const Question& question : questions_) {
            KeyAccess(*question.zone, question.slot, *question.policy,
                      ngx::monotonic_microseconds())
                ->give_up(question.step);
        }
        end(nullptr);
    }

  private:
    void learn(const Question& question, const Verdict& verdict,
               const ChargeReply& answer) noexcept {
        const std::int64_t now = ngx::monotonic_microseconds();
        KeyAccess key(*question.zone, question.slot, *question.policy, now);
        if (verdict.allowed && !answer.allowed) {
            key->give_up(question.step);  // another key has refused: this one was not charged
        } else {
            key->settle(question.step, *question.policy, question.cost, verdict, sent_at_, now);
        }
    }

    void end(const ChargeReply* answer) noexcept {
        std::list<Inquiry> ended;  // destroyed last: `answer` and what it says may be ours
        ended.splice(ended.begin(), owner_.under_way_, self);
        if (Inquirer* inquirer = std::exchange(inquirer_, nullptr)) {
            inquirer->inquiry_ = nullptr;
            inquirer->told(answer, charged_);
        }
    }

    Inquiries& owner_;
    const std::vector<Question> questions_;
    std::vector<Item> items_;
    std::vector<Charged> charged_;
    const std::int64_t sent_at_ = ngx::monotonic_microseconds();
    Inquirer* inquirer_ = nullptr;
};

Inquirer::~Inquirer() {
    if (inquiry_ != nullptr) {
        inquiry_->belong_to(nullptr);
    }
}

Inquiries::Inquiries(Worker& worker) noexcept : worker_(worker) {}
Inquiries::~Inquiries() = default;

redis::Failure Inquiries::ask(std::span<const std::string_view> keys,
                              std::vector<Question> questions, Inquirer& inquirer) {
    Inquiry& inquiry = under_way_.emplace_front(*this, std::move(questions));
    inquiry.self = under_way_.begin();
    try {
        const redis::Failure failure = inquiry.send(keys);
        if (failure == redis::Failure::none) {
            inquiry.belong_to(&inquirer);
        } else {
            under_way_.pop_front();
        }
        return failure;
    } catch (...) {
        under_way_.pop_front();
        throw;
    }
}

}  // namespace gatehouse::rate_limit
