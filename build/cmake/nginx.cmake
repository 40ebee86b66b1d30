# nginx headers: defines the interface target gatehouse_nginx_headers.
#
# GATEHOUSE_NGINX_SRC may be
#   - a configured source tree (it has objs/ngx_auto_config.h): used as it is;
#   - the header tree of Debian's nginx-dev, whose conf_flags are the flags of the packaged
#     nginx, or an unconfigured nginx source: copied into the build directory and configured
#     there, so that the original stays untouched.
# GATEHOUSE_NGINX_OBJS names the objs directory where nginx was configured with --builddir.

set(GATEHOUSE_NGINX_OBJS "" CACHE PATH "objs directory of a configured nginx tree")
set(GATEHOUSE_NGINX_FLAGS
    "--with-compat --with-threads --with-http_ssl_module --with-http_v2_module"
    CACHE STRING "./configure flags for a tree that has no conf_flags of its own")

if(NOT EXISTS "${GATEHOUSE_NGINX_SRC}/src/core/nginx.h")
    message(FATAL_ERROR "no nginx headers in ${GATEHOUSE_NGINX_SRC}: install nginx-dev, "
                        "or name a source tree with -DGATEHOUSE_NGINX_SRC=DIR")
endif()

function(gatehouse_configure_nginx tree)
    set(flags_file "${GATEHOUSE_NGINX_SRC}/conf_flags")
    file(READ "${GATEHOUSE_NGINX_SRC}/src/core/nginx.h" fingerprint)
    if(EXISTS "${flags_file}")
        file(READ "${flags_file}" packaged_flags)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${flags_file}")
        set(flags ". ./conf_flags; set -- \"\${NGX_CONF_FLAGS[@]}\" --with-compat")
    else()
        set(flags "set -- ${GATEHOUSE_NGINX_FLAGS}")
    endif()

    # Configuring takes seconds: only when the tree is another one than last time.
    string(SHA256 fingerprint "${GATEHOUSE_NGINX_SRC} ${fingerprint} ${packaged_flags} ${flags}")
    set(stamp "${tree}.configured")
    if(EXISTS "${stamp}")
        file(READ "${stamp}" configured)
        if(configured STREQUAL fingerprint)
            return()
        endif()
    endif()

    message(STATUS "configuring nginx headers from ${GATEHOUSE_NGINX_SRC}")
    file(REMOVE_RECURSE "${tree}")
    file(COPY "${GATEHOUSE_NGINX_SRC}/" DESTINATION "${tree}" PATTERN .git EXCLUDE)
    execute_process(
        COMMAND bash -ec "${flags}; exec ./configure \"$@\" --with-cc-opt='-O2 -fPIC'"
        WORKING_DIRECTORY "${tree}"
        RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0 OR NOT EXISTS "${tree}/objs/ngx_auto_config.h")
        message(FATAL_ERROR "nginx's ./configure failed in ${tree}:\n${output}")
    endif()
    file(WRITE "${stamp}" "${fingerprint}")
endfunction()

set_property(DIRECTORY APPEND PROPERTY
    CMAKE_CONFIGURE_DEPENDS "${GATEHOUSE_NGINX_SRC}/src/core/nginx.h")

if(GATEHOUSE_NGINX_OBJS)
    set(nginx_tree "${GATEHOUSE_NGINX_SRC}")
    set(nginx_objs "${GATEHOUSE_NGINX_OBJS}")
elseif(EXISTS "${GATEHOUSE_NGINX_SRC}/objs/ngx_auto_config.h")
    set(nginx_tree "${GATEHOUSE_NGINX_SRC}")
    set(nginx_objs "${GATEHOUSE_NGINX_SRC}/objs")
else()
    set(nginx_tree "${CMAKE_BINARY_DIR}/nginx")
    set(nginx_objs "${nginx_tree}/objs")
    gatehouse_configure_nginx("${nginx_tree}")
endif()

file(STRINGS "${nginx_tree}/src/core/nginx.h" nginx_version REGEX "define NGINX_VERSION")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" nginx_version "${nginx_version}")
message(STATUS "nginx ${nginx_version} headers: ${nginx_tree}")
if(nginx_version VERSION_LESS 1.22)
    message(FATAL_ERROR "nginx ${nginx_version} is not supported: 1.22 or newer is needed")
endif()

add_library(gatehouse_nginx_headers INTERFACE)
target_include_directories(gatehouse_nginx_headers SYSTEM INTERFACE
    "${nginx_tree}/src/core" "${nginx_tree}/src/event" "${nginx_tree}/src/event/modules"
    "${nginx_tree}/src/event/quic" "${nginx_tree}/src/os/unix" "${nginx_tree}/src/http"
    "${nginx_tree}/src/http/modules" "${nginx_tree}/src/http/v2" "${nginx_tree}/src/http/v3"
    "${nginx_objs}")
