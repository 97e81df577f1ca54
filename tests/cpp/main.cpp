#define BOOST_TEST_MODULE coinfer
#include <boost/test/unit_test.hpp>
