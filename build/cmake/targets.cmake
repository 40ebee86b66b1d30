# The functions that the modules' CMakeLists.txt are written in.

# gatehouse_core(NAME SOURCES file... [LIBS target...])
# A library that knows nothing of nginx: gatehouse_<NAME>, static. The unit tests and the fuzz
# targets link with every core.
function(gatehouse_core name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    if(NOT arg_SOURCES)
        return()
    endif()
    set(target "gatehouse_${name}")
    add_library(${target} STATIC ${arg_SOURCES})
    target_include_directories(${target} PUBLIC "${GATEHOUSE_ROOT}/modules")
    target_compile_options(${target} PRIVATE ${GATEHOUSE_CORE_WARNINGS})
    target_link_libraries(${target} PUBLIC ${arg_LIBS})
    set_property(GLOBAL APPEND PROPERTY GATEHOUSE_CORES ${target})
endfunction()

# gatehouse_glue(SOURCES file...)
# The only owner of nginx's headers, gatehouse_ngx. Static: a module takes the parts it uses.
function(gatehouse_glue)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "SOURCES")
    if(GATEHOUSE_FUZZ)
        return()
    endif()
    add_library(gatehouse_ngx STATIC ${arg_SOURCES})
    target_include_directories(gatehouse_ngx PUBLIC "${GATEHOUSE_ROOT}/modules")
    target_compile_options(gatehouse_ngx PRIVATE ${GATEHOUSE_WARNINGS})
    target_link_libraries(gatehouse_ngx PUBLIC gatehouse_base gatehouse_shm gatehouse_nginx_headers)
endfunction()

# gatehouse_client(NAME SOURCES file... [LIBS target...])
# gatehouse_<NAME>, static: a part of modules that stands on the glue but is no module of its own.
function(gatehouse_client name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    if(GATEHOUSE_FUZZ OR NOT arg_SOURCES)
        return()
    endif()
    set(target "gatehouse_${name}")
    add_library(${target} STATIC ${arg_SOURCES})
    target_compile_options(${target} PRIVATE ${GATEHOUSE_WARNINGS})
    target_link_libraries(${target} PUBLIC gatehouse_ngx ${arg_LIBS})
endfunction()

# gatehouse_module(NAME SOURCES file... CORES core...)
# The shared object ngx_http_gatehouse_<NAME>_module.so in GATEHOUSE_MODULE_DIR. nginx's own
# symbols stay undefined in it: they are in the program that loads it.
function(gatehouse_module name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;CORES;LIBS")
    if(GATEHOUSE_FUZZ)
        return()
    endif()
    if(NOT arg_SOURCES)
        return()
    endif()
    set(target "ngx_http_gatehouse_${name}_module")
    list(TRANSFORM arg_CORES PREPEND gatehouse_)
    set(exports "${GATEHOUSE_ROOT}/build/exports.map")

    add_library(${target} MODULE ${arg_SOURCES})
    target_compile_options(${target} PRIVATE ${GATEHOUSE_WARNINGS})
    target_link_libraries(${target} PRIVATE gatehouse_ngx ${arg_CORES} ${arg_LIBS})
    target_link_options(${target} PRIVATE
        "-Wl,--version-script=${exports}" ${GATEHOUSE_MODULE_LINK_OPTIONS})
    set_target_properties(${target} PROPERTIES
        PREFIX "" LINK_DEPENDS "${exports}" LIBRARY_OUTPUT_DIRECTORY "${GATEHOUSE_MODULE_DIR}")
endfunction()
