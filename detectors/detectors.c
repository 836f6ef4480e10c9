#include "detector.h"

static const struct detector *const detectors[] = {
#define DETECTOR(name) &detector_##name,
#include "detectors.def"
#undef DETECTOR
	NULL,
};

const struct detector *detector_find(const char *type)
{
	for (const struct detector *const *d = detectors; *d; d++)
		if (strcmp((*d)->type, type) == 0)
			return *d;
	return NULL;
}

const char *detector_types(void)
{
	static const char names[] =
#define DETECTOR(name) " " #name
#include "detectors.def"
#undef DETECTOR
		;
	return &names[sizeof " match"];
}

bool detector_compare(enum compare compare, double number, double threshold)
{
	switch (compare) {
	case COMPARE_GT:
		return number > threshold;
	case COMPARE_GTE:
		return number >= threshold;
	case COMPARE_LT:
		return number < threshold;
	case COMPARE_LTE:
		return number <= threshold;
	case COMPARE_EQ:
		return number == threshold;
	case COMPARE_NEQ:
		return number != threshold;
	default:
		return true;
	}
}
