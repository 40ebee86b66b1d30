#pragma once

// cmocka for C++: it is C, wants the standard headers first, and defines macros whose names
// are everyday words in C++. A failed assertion longjmp()s over destructors: what must be
// released belongs to the fixture, not to the test's frame.

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>

extern "C" {
#include <cmocka.h>
}

#undef fail
#undef skip
