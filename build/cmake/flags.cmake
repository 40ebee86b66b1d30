# Compiler settings shared by every target, and the two warning levels.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# nginx opens modules with RTLD_GLOBAL: whatever a module shows can be taken by
# the next one in place of its own symbol of that name.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
# For builds that are only tested or looked at: they compile in half the time.
set(CMAKE_CXX_FLAGS_CHECK "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1 -DNDEBUG")

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# The glue and the adapters expand nginx's C macros, which cast the C way; the cores do not.
set(GATEHOUSE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
# Where sources are compiled as one, none of them is the main file that this warning takes them for.
# (Only to be looked at: names of one may hide those of another, so nothing that runs is made so.)
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND GATEHOUSE_WARNINGS -Wno-subobject-linkage)
endif()
set(GATEHOUSE_CORE_WARNINGS ${GATEHOUSE_WARNINGS} -Wold-style-cast)

if(GATEHOUSE_SANITIZE)
    set(sanitize "-fsanitize=${GATEHOUSE_SANITIZE}" -fno-sanitize-recover=undefined)
    add_compile_options(${sanitize} -fno-omit-frame-pointer)
    add_link_options(${sanitize})
    # A leak found at exit must still have its module mapped, or the report has no names.
    set(GATEHOUSE_MODULE_LINK_OPTIONS -Wl,-z,nodelete)
else()
    # What Debian builds nginx itself with. (The sanitizers bring their own checks.)
    add_compile_options(-fstack-protector-strong -Wformat -Werror=format-security)
    # A toolchain or an environment may have set its own level already.
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    set(GATEHOUSE_MODULE_LINK_OPTIONS -Wl,-z,relro -Wl,-z,now)
endif()
