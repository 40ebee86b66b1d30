#pragma once

namespace gatehouse::waf {

// Has another function called wherever the shared object that contains the address `inside` calls
// the one called `name`, of another object or exported by itself: the dynamic linker's entry for it
// is written over, for the rest of the process. False: that object has no entry for it, or the
// entry cannot be written.
bool replace_import(const void* inside, const char* name, const void* substitute) noexcept;

}  // namespace gatehouse::waf
