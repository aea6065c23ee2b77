// What a NATS server says of its streams and consumers, as facts. Internal to scenarios/hazards.
//
// Taken are: what `nats stream info --json` and `nats consumer info --json` print, one or a list of them; the answers of
// $JS.API.STREAM.INFO, STREAM.LIST, CONSUMER.INFO and CONSUMER.LIST; the page /jsz?config=1&streams=1&consumers=1; and bare stream
// configurations, as `nats stream add --config` reads them. Fields that are not known here are passed over: a newer server
// has more.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "scenarios/hazards/facts.h"
#include "scenarios/language/diagnostic.h"
#include "scenarios/language/typed_value.h"
#include "scenarios/language/yaml_tree.h"

namespace windtunnel::scenarios {

class NatsReader {
 public:
  // Both are borrowed. Requires: facts.servers is complete.
  NatsReader(Facts& facts, Diagnostics& diagnostics) : facts_(facts), diagnostics_(diagnostics) {}

  // Everything in one file of a server.
  void read(const std::vector<YamlTree>& values, std::size_t server);
  // When all files were read: the consumers find their streams.
  void finish();

 private:
  struct Consumer {
    std::size_t server = 0;
    std::string account;
    PlacedText stream;
    TypedValue config;
  };

  // How many there are by the pages of a list, and how many stand on them.
  struct Pages {
    std::uint64_t total = 0;
    std::uint64_t shown = 0;
    SourcePosition where;  // of the total
  };
  struct Missing {  // a name that an answer could not tell of
    std::size_t server = 0;
    bool is_stream = false;  // else a consumer
    PlacedText name;
  };

  void read_value(const YamlTree& tree, std::size_t server, bool is_listed);
  void read_list(const YamlTree& list, std::size_t server, const YamlTree* total);
  void read_consumers(const YamlTree& answer, const YamlTree& list, std::size_t server);
  // What an answer says that it could not tell.
  void read_missing(const YamlTree& answer, bool is_of_streams, std::size_t server);
  void tell_missing();
  static void add_page(Pages& pages, const YamlTree* total, std::size_t shown);
  void tell_gap(const Pages& pages, const std::string& what, std::size_t server);
  void read_stream(const YamlTree& config, const YamlTree* info, std::size_t server);
  void read_consumer(const YamlTree& info, std::size_t server);
  void read_monitoring(const YamlTree& page, const YamlTree& accounts, std::size_t server);
  void read_domain(const YamlTree& told, std::size_t server);

  Facts& facts_;
  Diagnostics& diagnostics_;
  std::map<std::tuple<std::size_t, std::string, std::string>, std::string> configs_;   // of streams, by server, account and name
  std::map<std::size_t, Pages> stream_pages_;                                          // by server
  std::map<std::tuple<std::size_t, std::string, std::string>, Pages> consumer_pages_;  // by server, account and stream
  std::vector<Missing> missing_;
  std::string account_;  // of what is being read; empty: not known
  std::vector<Consumer> consumers_;
};

}  // namespace windtunnel::scenarios
