#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "graph/graph.hpp"

namespace coinfer::ops {

/// How a loop walks an axis: part `i` begins at `start + i * stride` and has `part` elements.
struct Walk {
  std::int64_t axis = 0;    ///< of the whole tensor; may count from the end
  std::int64_t start = 0;   ///< may count from the end
  std::int64_t end = -1;    ///< last element, included; may count from the end
  std::int64_t stride = 1;  ///< below zero: backwards
  std::int64_t part = 1;
  bool keeps_axis = false;  ///< a part has the axis, with `part` elements; else it lacks the axis
};

/// How a looping operator feeds its body and gathers what it makes. Ports are indices of the node's
/// inputs and outputs and of the body's; -1 stands for none.
struct LoopForm {
  std::shared_ptr<graph::Graph> body;
  int trip_count = -1;              ///< node input: at most so many iterations
  int condition = -1;               ///< node input: whether the first iteration is run
  int iteration = -1;               ///< body input: gets the iteration's number
  int condition_in = -1;            ///< body input: gets the condition
  int condition_out = -1;           ///< body output: whether there is a next iteration
  bool endless_below_zero = false;  ///< a trip count of -1 is none; else it is 0

  /// The same value in every iteration: captures too.
  struct Whole {
    int node_input;
    int body_input;
  };
  /// The initial value first, then what the iteration before made.
  struct Carried {
    int node_input;
    int body_input;
    int body_output;
  };
  struct Sliced {
    int node_input;
    int body_input;
    Walk walk;
  };
  /// The last iteration's value; the initial one when there was none.
  struct Last {
    int body_output;
    int node_output;
  };
  /// All iterations' values, one after another along an axis.
  struct Stacked {
    int body_output;
    int node_output;
    Walk walk;
  };
  std::vector<Whole> wholes;
  std::vector<Carried> carried;
  std::vector<Sliced> slices;
  std::vector<Last> lasts;
  std::vector<Stacked> stacks;

  const Carried* carried_as(int body_output) const;
};

/// The form of a loop, its ports checked; throws Error that names the node.
LoopForm loop_form(const graph::Node& node);

/// How many parts the walk makes of an axis of so many elements; throws Error when it leaves the
/// axis or when parts do not fit.
std::int64_t parts_of(const Walk& walk, std::int64_t extent);
/// First element of part 0 in an axis of so many elements.
std::int64_t first_of(const Walk& walk, std::int64_t extent);
/// The shape of a part of a tensor, and of the whole made of `count` parts. `axis` is resolved.
std::size_t axis_of(const Walk& walk, std::int64_t rank_of_whole);
Shape part_shape(const Walk& walk, const Shape& whole);
Shape whole_shape(const Walk& walk, const Shape& part, std::int64_t count);

/// Runs bodies.
bool has_bodies(const graph::Node& node);
/// The bodies of a node, by the names of their attributes.
std::vector<std::pair<std::string, std::shared_ptr<graph::Graph>>> bodies_of(
    const graph::Node& node);

}  // namespace coinfer::ops
