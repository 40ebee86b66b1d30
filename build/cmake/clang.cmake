# Toolchain file of the presets that need clang: Debian 12 ships 14, newer suites newer ones.
find_program(GATEHOUSE_CLANGXX NAMES clang++-14 clang++ REQUIRED)
set(CMAKE_CXX_COMPILER "${GATEHOUSE_CLANGXX}")
