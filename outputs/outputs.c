#include "output.h"

static const struct format *const formats[] = {
#define FORMAT(name) &format_##name,
#define OUTPUT(name)
#include "outputs.def"
#undef FORMAT
#undef OUTPUT
	NULL,
};

static const struct output *const outputs[] = {
#define FORMAT(name)
#define OUTPUT(name) &output_##name,
#include "outputs.def"
#undef FORMAT
#undef OUTPUT
	NULL,
};

const struct format *format_find(const char *name)
{
	for (const struct format *const *f = formats; *f; f++)
		if (strcmp((*f)->name, name) == 0)
			return *f;
	return NULL;
}

const struct output *output_find(const char *name)
{
	for (const struct output *const *o = outputs; *o; o++)
		if (strcmp((*o)->name, name) == 0)
			return *o;
	return NULL;
}

/* Each is ", name"; the first comma is stepped over. */
const char *format_names(void)
{
	static const char names[] =
#define FORMAT(name) ", " #name
#define OUTPUT(name)
#include "outputs.def"
#undef FORMAT
#undef OUTPUT
		;
	return &names[2];
}

const char *output_names(void)
{
	static const char names[] =
#define FORMAT(name)
#define OUTPUT(name) ", " #name
#include "outputs.def"
#undef FORMAT
#undef OUTPUT
		;
	return &names[2];
}
