# Third-party libraries, by the names that the modules' CMakeLists.txt use.

find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto SSL)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(modsecurity REQUIRED IMPORTED_TARGET modsecurity>=3.0.9)
# The flavour that libmodsecurity links, so that a process has one.
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl>=7.85)
