// musterctl keys …, cert …
#include "operator/commands/keys.h"

#include <CLI/CLI.hpp>

#include "operator/cli/session.h"

namespace muster::ctl {
namespace {

constexpr int days_max = 36500;

void add_cert_command(CLI::App& group, Session& session, CertOptions::Holder holder, const std::string& name,
                      const std::string& what, const std::string& example) {
  auto options = std::make_shared<CertOptions>();
  options->holder = holder;
  auto* command = add_command(group, session, name, what, example,
                              [&session, options] { return cert_issue(*options, session.terminal); });
  command
      ->add_option("NAME", options->name,
                   holder == CertOptions::Holder::server ? "host name or address" : "becomes the MQTT user name")
      ->required();
  command->add_option("--ca", options->ca_folder, "folder with ca.key and ca.crt")->required()->type_name("DIR");
  command->add_option("--out", options->stem, "writes STEM.key and STEM.crt")->required()->type_name("STEM");
  command->add_option("--days", options->days, "how long it is valid")
      ->check(CLI::Range(1, days_max))
      ->capture_default_str();
  if (holder == CertOptions::Holder::server) {
    command->add_option("--alt", options->alt_names, "another name or address of the server; may be repeated")
        ->allow_extra_args(false)
        ->type_name("NAME");
  }
}

}  // namespace

void add_keys_commands(CLI::App& app, Session& session) {
  auto& keys = add_group(app, "keys", "the keys of an installation");
  auto init = std::make_shared<KeysInitOptions>();
  auto* command =
      add_command(keys, session, "init", "make root, release and control keys, the root document and a private CA",
                  "musterctl keys init keys", [&session, init] { return keys_init(*init, session.terminal); });
  command->add_option("DIR", init->folder, "a folder that is not there yet, or empty")->required();
  command->add_option("--days", init->days, "how long the root document and the CA are valid")
      ->check(CLI::Range(1, days_max))
      ->capture_default_str();
  command->add_option("--ca-name", init->ca_name, "the CA's name in certificates")->capture_default_str();

  auto& cert = add_group(app, "cert", "certificates of the broker, devices and operators");
  auto ca = std::make_shared<CertCaOptions>();
  command = add_command(cert, session, "ca", "make a private CA (keys init has made one already)",
                        "musterctl cert ca tls", [&session, ca] { return cert_ca(*ca, session.terminal); });
  command->add_option("DIR", ca->folder, "where ca.key and ca.crt go")->required();
  command->add_option("--days", ca->days, "how long it is valid")
      ->check(CLI::Range(1, days_max))
      ->capture_default_str();
  command->add_option("--ca-name", ca->ca_name, "its name in certificates")->capture_default_str();
  auto check = std::make_shared<CertCheckOptions>();
  command =
      add_command(cert, session, "check", "say whether a certificate and its key would be taken, or what is wrong",
                  "musterctl cert check gw-17.crt --key gw-17.key --ca keys/ca.crt",
                  [&session, check] { return cert_check(*check, session.terminal); });
  command->add_option("CERT", check->cert, "a PEM certificate")->required()->type_name("FILE");
  command->add_option("--ca", check->ca, "who must have signed it: ca.crt")->required()->type_name("FILE");
  command->add_option("--key", check->key, "its private key")->type_name("FILE");
  add_cert_command(cert, session, CertOptions::Holder::server, "server", "a key and certificate for the broker",
                   "musterctl cert server broker.example --alt 10.0.0.5 --ca keys --out broker");
  add_cert_command(cert, session, CertOptions::Holder::device, "device", "a key and certificate for a device",
                   "musterctl cert device gw-17 --ca keys --out gw-17");
  add_cert_command(cert, session, CertOptions::Holder::operator_, "operator", "a key and certificate for an operator",
                   "musterctl cert operator alice --ca keys --out alice");
}

}  // namespace muster::ctl
