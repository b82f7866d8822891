# Compiler launcher, linker, warnings and sanitizers.
if(APPLE)
  # Homebrew leaves these out of its prefix.
  execute_process(COMMAND brew --prefix openssl@3 ncurses OUTPUT_VARIABLE KEGS OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  string(REPLACE "\n" ";" KEGS "${KEGS}")
  list(APPEND CMAKE_PREFIX_PATH ${KEGS})
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()
find_program(MOLD mold)
if(MOLD AND CMAKE_SYSTEM_NAME STREQUAL Linux AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12.1)
  add_link_options(-fuse-ld=mold)
endif()

string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
add_library(jarvis2_flags INTERFACE)
target_compile_options(jarvis2_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Werror -Wnon-virtual-dtor -Wshadow -Wundef -Wno-missing-field-initializers>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # False positives of GCC 12 in inlined library code.
  target_compile_options(jarvis2_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized -Wno-restrict
    -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer -Wno-free-nonheap-object>)
endif()
if(JARVIS2_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # Types of unnamed namespaces in files that are included; names that only a neighbour's shadow.
  target_compile_options(jarvis2_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage -Wno-shadow>)
endif()
if(JARVIS2_SANITIZE)
  set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1")
  set(CMAKE_C_FLAGS_SANITIZE "-O1 -g1")
  add_compile_options(-fsanitize=${JARVIS2_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(JARVIS2_SANITIZE MATCHES undefined)
    # What the address sanitizer finds too, and alignment: these cost half of the compile time.
    add_compile_options(-fno-sanitize=null,vptr,object-size,pointer-overflow,alignment)
  endif()
  if(JARVIS2_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-tsan)  # fences: the thread sanitizer doesn't see those between processes
  endif()
  add_link_options(-fsanitize=${JARVIS2_SANITIZE})
  add_library(jarvis2_sanitizer OBJECT ${CMAKE_CURRENT_LIST_DIR}/sanitizer_defaults.cc)
endif()
