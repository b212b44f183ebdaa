# SPDX-License-Identifier: Apache-2.0
# Checks that are no unit tests: the command line, what is installed, what the layers call, the man pages, how the code
# is written.
set(checks ${CMAKE_CURRENT_SOURCE_DIR}/checks)

# A check is a command; it is given the source and the build folder, and exits 77 with a reason when it cannot run.
function(vpndoctor_check name label)
  add_test(NAME ${label}.${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT 300 SKIP_RETURN_CODE 77
                       ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR}")
endfunction()

vpndoctor_check(package install bash ${checks}/install.sh)
vpndoctor_check(multiarch install bash ${checks}/install_multiarch.sh)
vpndoctor_check(purity layers bash ${checks}/purity.sh)
vpndoctor_check(exports layers bash ${checks}/exports.sh)
vpndoctor_check(lint man bash ${checks}/man_lint.sh)
vpndoctor_check(options man bash ${checks}/man_options.sh)
vpndoctor_check(text style bash ${checks}/text.sh)
vpndoctor_check(format style bash ${checks}/format.sh)
vpndoctor_check(one_definition style python3 ${checks}/one_definition.py)

# One test for each file FOLDER/test_NAME.py.
function(vpndoctor_suite folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/test_*.py)
  foreach(source ${sources})
    get_filename_component(module ${source} NAME_WE)
    string(REGEX REPLACE "^test_" "" name ${module})
    vpndoctor_check(${name} ${folder} python3 ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/run.py ${module})
  endforeach()
endfunction()

vpndoctor_suite(cli)

# Real DNS daemons run in private namespaces, unpacked into the build folder by dns/unpack.sh.
add_executable(vpndoctor-dns-expect dns/expect.cc)
target_include_directories(vpndoctor-dns-expect PRIVATE ${PROJECT_SOURCE_DIR}/lib)
target_link_libraries(vpndoctor-dns-expect PRIVATE vpndoctor_lib)
vpndoctor_suite(dns)

# Hundreds of configurations: some two minutes, and more beside others.
set_tests_properties(dns.resolved_matrix PROPERTIES TIMEOUT 900)

# Real VPN programs crash in private namespaces, and the tool mends what they leave.
vpndoctor_check(restore crash python3 ${CMAKE_CURRENT_SOURCE_DIR}/crash/run.py)
set_tests_properties(crash.restore PROPERTIES LABELS lab)

# Real VPN programs and leaks.
vpndoctor_suite(leaks)

# One test for each unit (cmake/units.cmake): a check's time goes into what every file includes.
foreach(layer lib probes reports tools)
  file(GLOB_RECURSE tidied CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${layer}/*.cc)
  vpndoctor_units("${tidied}")
  foreach(number RANGE ${last_unit})
    vpndoctor_check(tidy.${layer}.${number} style python3 ${checks}/tidy.py ${unit_${number}})
  endforeach()
endforeach()
