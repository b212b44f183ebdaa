# SPDX-License-Identifier: Apache-2.0
# One ctest for each scenario file: a new scenario is a new file. One at a time, since delays are part of them, and first,
# since they take longest.
if(TARGET vpndoctor-lab AND TARGET vpndoctor-tool)
  file(GLOB scenarios CONFIGURE_DEPENDS lab/scenarios/*.json)
  foreach(scenario ${scenarios})
    get_filename_component(name ${scenario} NAME_WE)
    add_test(NAME lab.${name} COMMAND bash checks/scenario.sh ${scenario} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(lab.${name} PROPERTIES LABELS lab RESOURCE_LOCK lab COST 100 TIMEOUT 120 SKIP_RETURN_CODE 77
                         ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR}")
  endforeach()
endif()
