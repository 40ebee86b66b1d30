#pragma once

namespace gatehouse::waf {

// Has another function called wherever the shared object that contains the address `inside` calls
// the imported one called `name`: the dynamic linker's entry for it is written over, for the rest
// of the process. False: that object does not import it, or the entry cannot be written.
bool replace_import(const void* inside, const char* name, const void* substitute) noexcept;

}  // namespace gatehouse::waf
