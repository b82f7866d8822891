// One function a transformation, each in the file of its name.
#pragma once

#include <memory>

#include "edit/transformation.h"

namespace jarvis2::edit::python {

std::unique_ptr<Transformation> inline_function();
std::unique_ptr<Transformation> inline_method();
std::unique_ptr<Transformation> inline_polymorphic();
std::unique_ptr<Transformation> inline_constructor();
std::unique_ptr<Transformation> unroll_recursion();
std::unique_ptr<Transformation> recursive_generator_to_list();
std::unique_ptr<Transformation> inline_property();
std::unique_ptr<Transformation> inline_operator();
std::unique_ptr<Transformation> scalar_replace();
std::unique_ptr<Transformation> hoist_attribute_chain();
std::unique_ptr<Transformation> hoist_invariant_call();
std::unique_ptr<Transformation> hoist_invariant_constructor();
std::unique_ptr<Transformation> hoist_subscript();
std::unique_ptr<Transformation> hoist_arithmetic();
std::unique_ptr<Transformation> reuse_pure_expression();
std::unique_ptr<Transformation> inline_generator();
std::unique_ptr<Transformation> attribute_in_local();
std::unique_ptr<Transformation> slots();
std::unique_ptr<Transformation> cache_pure_recursion();
std::unique_ptr<Transformation> tail_recursion_to_loop();
std::unique_ptr<Transformation> sum_generator_to_loop();
std::unique_ptr<Transformation> generator_to_list();
std::unique_ptr<Transformation> comprehension_to_loop();
std::unique_ptr<Transformation> while_to_for_range();
std::unique_ptr<Transformation> range_len_to_enumerate();
std::unique_ptr<Transformation> append_loop_to_comprehension();
std::unique_ptr<Transformation> unroll_small_loop();
std::unique_ptr<Transformation> list_membership_to_set();
std::unique_ptr<Transformation> pop_front_to_deque();
std::unique_ptr<Transformation> min_max_to_conditional();
std::unique_ptr<Transformation> keyword_to_positional();
std::unique_ptr<Transformation> merge_temporary();
std::unique_ptr<Transformation> propagate_copy();
std::unique_ptr<Transformation> table_of_terms();
std::unique_ptr<Transformation> cells_by_unpacking();
std::unique_ptr<Transformation> cell_in_local();
std::unique_ptr<Transformation> global_in_local();
std::unique_ptr<Transformation> fill_loop_to_slice();
std::unique_ptr<Transformation> copy_loop_to_slice();
std::unique_ptr<Transformation> pair_loops_to_combinations();
std::unique_ptr<Transformation> indexed_terms_to_map();
std::unique_ptr<Transformation> extreme_of_many_to_comparisons();
std::unique_ptr<Transformation> optimise_function();

}  // namespace jarvis2::edit::python
