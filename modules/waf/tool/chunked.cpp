#include "waf/tool/chunked.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace gatehouse::waf::tool {
namespace {

class ChunkReader {
  public:
    explicit ChunkReader(std::string_view text) noexcept : rest_(text) {}

    Chunked decode() {
        while (const std::optional<std::size_t> size = take_size()) {
            if (*size == 0) {
                take_trailers();
                return std::move(out_);
            }
            if (!take_data(*size)) {
                break;
            }
        }
        return std::move(out_);
    }

  private:
    void fail(std::string_view problem) {
        out_.problem = problem;
        out_.line = line_;
    }

    std::optional<std::string_view> take_line() noexcept {
        const std::size_t end = rest_.find('\n');
        if (end == rest_.npos) {
            return std::nullopt;
        }
        std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        ++line_;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return line;
    }

    std::optional<std::size_t> take_size() {
        ++line_;  // to be named if there is no such line
        const auto line = take_line();
        line_ -= line ? 1 : 0;
        std::size_t size = 0;
        if (line) {
            const auto [end, error] =
                std::from_chars(line->data(), line->data() + line->size(), size, 16);
            const std::string_view behind =
                line->substr(static_cast<std::size_t>(end - line->data()));
            const std::size_t extension = behind.find_first_not_of(" \t");
            if (error == std::errc() && (extension == behind.npos || behind[extension] == ';')) {
                return size;
            }
        }
        fail("the size of a chunk was expected here, a hexadecimal number");
        return std::nullopt;
    }

    bool take_data(std::size_t size) {
        if (size > rest_.size()) {
            fail("the chunk is shorter than its size");
            return false;
        }
        const std::string_view data = rest_.substr(0, size);
        out_.body += data;
        line_ += static_cast<int>(std::count(data.begin(), data.end(), '\n'));
        rest_.remove_prefix(size);
        rest_.remove_prefix(rest_.starts_with("\r\n") ? 1 : 0);
        if (!rest_.starts_with('\n')) {
            ++line_;
            fail("the chunk is longer than its size");
            return false;
        }
        rest_.remove_prefix(1);
        ++line_;
        return true;
    }

    // The empty line at the end may be left to the editor.
    void take_trailers() {
        while (!rest_.empty()) {
            const auto line = take_line();
            if (!line || (!line->empty() && line->find(':') == line->npos)) {
                fail("a trailer or an empty line was expected here");
                return;
            }
            if (line->empty()) {
                break;
            }
        }
        if (!rest_.empty()) {
            ++line_;
            fail("nothing was expected behind the last chunk");
        }
    }

    std::string_view rest_;
    int line_ = 0;
    Chunked out_;
};

}  // namespace

Chunked decode_chunks(std::string_view text) { return ChunkReader(text).decode(); }

}  // namespace gatehouse::waf::tool
