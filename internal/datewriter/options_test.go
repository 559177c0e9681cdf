// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"testing"
	"time"
)

func TestOptionsThatCannotBeRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"a mode that does not exist":          {func(o *Options) { o.Mode = "overwrite" }, `mode "overwrite" is unknown: use append or replace`},
		"no mode":                             {func(o *Options) { o.Mode = "" }, `mode "" is unknown: use append or replace`},
		"a format that does not exist":        {func(o *Options) { o.Format = "iso" }, `format "iso" is unknown: use unix-date, rfc3339 or rfc1123`},
		"a relative file":                     {func(o *Options) { o.File = "index.html" }, `file "index.html" cannot be used: give the absolute path of a file, such as /content/index.html`},
		"a file that is a way elsewhere":      {func(o *Options) { o.File = "/content/../etc/x" }, `file "/content/../etc/x" cannot be used: give the absolute path of a file, such as /content/index.html`},
		"a file that is the root":             {func(o *Options) { o.File = "/" }, `file "/" cannot be used: give the absolute path of a file, such as /content/index.html`},
		"an interval just too short":          {func(o *Options) { o.Interval = 99 * time.Millisecond }, `interval 99ms is too short: use at least 100ms`},
		"no interval":                         {func(o *Options) { o.Interval = 0 }, `interval 0s is too short: use at least 100ms`},
		"a size that is one byte too small":   {func(o *Options) { o.MaxSize = 4095 }, `max-size of 4095 bytes is too small: use at least 4096`},
		"a size that is less than nothing":    {func(o *Options) { o.MaxSize = -1 }, `max-size of -1 bytes is too small: use at least 4096`},
		"options that are right, for control": {func(*Options) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			c.change(&o)
			var got string
			if err := o.check(); err != nil {
				got = err.Error()
				if err := Run(t.Context(), o); err == nil || err.Error() != got {
					t.Errorf("Run says %v, want %s", err, got)
				}
			}
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestSpelling(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"append", "replace"} {
		if got, err := ParseMode(text); err != nil || string(got) != text {
			t.Errorf("mode %q is parsed as %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"unix-date", "rfc3339", "rfc1123"} {
		if got, err := ParseFormat(text); err != nil || string(got) != text {
			t.Errorf("format %q is parsed as %q, %v", text, got, err)
		}
	}
	if got, err := ParseMode("Append"); err == nil || got != "" {
		t.Errorf("mode Append is parsed as %q, want an error", got)
	}
	if got, err := ParseFormat("RFC3339"); err == nil || got != "" {
		t.Errorf("format RFC3339 is parsed as %q, want an error", got)
	}
}
