/* match: the event itself is the finding. */
#include "detector.h"

static bool judge(struct judgement *j)
{
	j->count = 1;
	return true;
}

const struct detector detector_match = {.type = "match", .judge = judge};
