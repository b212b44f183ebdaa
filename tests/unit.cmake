# SPDX-License-Identifier: Apache-2.0
# The unit tests link the layers' objects, not the shared library: they reach what the library hides.
find_package(GTest REQUIRED)
include(GoogleTest)

file(GLOB unit_sources CONFIGURE_DEPENDS unit/*.cc fib/*.cc)
add_executable(vpndoctor-tests ${unit_sources})
target_include_directories(vpndoctor-tests PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/lib
                                                   ${PROJECT_SOURCE_DIR}/probes ${PROJECT_SOURCE_DIR}/reports
                                                   ${PROJECT_SOURCE_DIR}/tests)
set_source_files_properties(unit/golden.cc PROPERTIES COMPILE_DEFINITIONS VPNDOCTOR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(vpndoctor-tests PRIVATE vpndoctor_lib vpndoctor_probes vpndoctor_reports GTest::gtest_main
                                              nlohmann_json::nlohmann_json PkgConfig::NL3 PkgConfig::NLGENL3
                                              PkgConfig::PCAP PkgConfig::CARES)
if(TARGET vpndoctor_lab)
  target_link_libraries(vpndoctor-tests PRIVATE vpndoctor_lab)
endif()
if(VPNDOCTOR_SANITIZE)
  vpndoctor_precompile(vpndoctor-tests <random> <gtest/gtest.h>)
  # Each test is a process, and what AddressSanitizer knows of every global variable has pointers, two million in all:
  # where the program has a fixed place none is relocated, which saves a third of the time until main().
  target_link_options(vpndoctor-tests PRIVATE -no-pie)
  # AddressSanitizer watches what goes through a pointer of a test; to check the pointer itself as well takes 40 % of the
  # time that these files compile and two thirds of their code. The product's own files are checked in full.
  target_compile_options(
    vpndoctor-tests PRIVATE -fno-sanitize=null,alignment,vptr,object-size,pointer-overflow
                            -fno-sanitize=nonnull-attribute,returns-nonnull-attribute)
endif()

# Unit tests spend their time in the compiler, twice as much where it instruments what it optimises.
target_compile_options(vpndoctor-tests PRIVATE $<IF:$<BOOL:${VPNDOCTOR_SANITIZE}>,-O0,-O1>)
if(VPNDOCTOR_UNIT_TESTS)
  gtest_discover_tests(vpndoctor-tests NO_PRETTY_VALUES TEST_PREFIX unit. DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS unit TIMEOUT 300)
else()
  set_target_properties(vpndoctor-tests PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
