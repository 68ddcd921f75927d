# What is installed, and where: every install() rule of the tree is in this file. `cmake --install build/release --component X` with
# DESTDIR set lays one part into a folder of its own; debian/rules makes the packages of these parts, and docker/ its images.
#
#   broker  the plugin for Mosquitto and its configuration            package mosquitto-muster
#   edge    the agent, its systemd unit, an example configuration     package muster-edge
#   tools   musterctl, mosquitto_ctrl's module, the maker of flash
#           images, rule files to start from, the documents           package muster-tools
#   mcu     the client for microcontrollers as a Linux process, and
#           the relay for boards in QEMU                              in images only
#   reader  the demo's workload and its probe                         in images only
#   labels  what draws the labels that the workload reads             in images only
#
# The preset `release` installs below /usr, and so into /etc.
if(NOT MUSTER_PROGRAMS OR MUSTER_SANITIZE)
  return()  # such trees have only what tests start
endif()

include(GNUInstallDirs)

function(muster_install_program component)
  install(TARGETS ${ARGN} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT ${component})
endfunction()

# muster_install_documents(COMPONENT PACKAGE FILE...): below /usr/share/doc, where the package's name is the folder's.
function(muster_install_documents component package)
  install(FILES ${ARGN} DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${package}" COMPONENT ${component})
endfunction()

function(muster_install_example component package file name)
  install(FILES "${file}" DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${package}/examples" COMPONENT ${component} RENAME "${name}")
endfunction()

# A folder of its own, and not the one of shared libraries: Mosquitto loads a plugin by the path in its configuration, which is so the
# same on every architecture.
install(TARGETS mosquitto_muster LIBRARY DESTINATION lib/mosquitto COMPONENT broker)
set(broker_settings "${CMAKE_INSTALL_FULL_SYSCONFDIR}/mosquitto/muster")
foreach(name mosquitto.conf broker.yaml)
  set(example "${CMAKE_SOURCE_DIR}/broker-plugin/${name}.example")
  install(FILES "${example}" DESTINATION "${broker_settings}" COMPONENT broker RENAME ${name})
  muster_install_example(broker mosquitto-muster "${example}" ${name})
endforeach()

muster_install_program(edge muster-edge)
install(FILES edge-client/muster-edge.service DESTINATION lib/systemd/system COMPONENT edge)
muster_install_example(edge muster-edge "${CMAKE_SOURCE_DIR}/edge-client/muster-edge.yaml.example" muster-edge.yaml)

muster_install_program(tools musterctl muster-mcu-provision)
# mosquitto_ctrl asks the loader for it by its bare name, so it lies where shared libraries are.
install(TARGETS mosquitto_ctrl_muster LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT tools)
install(DIRECTORY rules/examples/ DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/muster-tools/examples" COMPONENT tools)
muster_install_documents(tools muster-tools ARCHITECTURE.md)
install(DIRECTORY docs/ DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/muster-tools/docs" COMPONENT tools FILES_MATCHING PATTERN "*.md")

muster_install_program(mcu muster-mcu muster-mcu-relay)
muster_install_program(reader muster-reader reader-probe)
muster_install_program(labels label-maker)
