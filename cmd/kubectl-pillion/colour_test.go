// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"testing"
)

func TestSignsAreColoured(t *testing.T) {
	t.Parallel()
	const text = "✓ good!\n  ✗ bad\n    ! see ✗\nplain ✓\n!not a sign\n"
	const want = "\x1b[32m✓\x1b[0m good!\n  \x1b[31m✗\x1b[0m bad\n    \x1b[33m!\x1b[0m see ✗\nplain ✓\n!not a sign\n"
	if got := coloured(text); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestColourIsForTerminals(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	env := func(name, value string) func(string) string {
		return func(asked string) string {
			if asked == name {
				return value
			}
			return ""
		}
	}
	for name, got := range map[string][2]bool{
		"a terminal":                    {wantsColour(terminal, env("TERM", "xterm")), true},
		"a terminal, and NO_COLOR":      {wantsColour(terminal, env("NO_COLOR", "1")), false},
		"a terminal without colours":    {wantsColour(terminal, env("TERM", "dumb")), false},
		"a file":                        {wantsColour(file, env("", "")), false},
		"a pipe, or a writer of a test": {wantsColour(&bytes.Buffer{}, env("", "")), false},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", name, got[0], got[1])
		}
	}
}
