#include "waf/tool/file.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace gatehouse::waf::tool {

std::optional<std::string> read_file(const std::string& path, std::size_t limit,
                                     std::string& problem) {
    // What a directory says when it is read is anybody's guess.
    std::error_code error;
    std::ifstream stream(path, std::ios::binary);
    if (!stream || std::filesystem::is_directory(path, error)) {
        problem = "\"" + path + "\" cannot be read";
        return std::nullopt;
    }
    constexpr std::size_t kChunk = 65536;
    std::string text;
    while (text.size() <= limit && stream) {
        const std::size_t before = text.size();
        text.resize(before + kChunk);
        stream.read(text.data() + before, kChunk);
        text.resize(before + static_cast<std::size_t>(stream.gcount()));
    }
    if (text.size() > limit) {
        problem = "\"" + path + "\" is larger than " + std::to_string(limit >> 20U) + " MiB";
        return std::nullopt;
    }
    return text;
}

}  // namespace gatehouse::waf::tool
