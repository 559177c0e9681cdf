// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"regexp"
)

// signs are the marks that lines of text begin with, behind their indent.
var signs = regexp.MustCompile(`(?m)^( *)([✓✗!])( )`)

// colours are ANSI's: what holds is green, what is wrong red, what is to be known yellow.
var colours = map[string]string{"✓": "32", "✗": "31", "!": "33"}

// coloured colours the signs of a string.
func coloured(text string) string {
	return signs.ReplaceAllStringFunc(text, func(match string) string {
		parts := signs.FindStringSubmatch(match)
		return parts[1] + "\x1b[" + colours[parts[2]] + "m" + parts[2] + "\x1b[0m" + parts[3]
	})
}

// wantsColour reports whether out is a terminal, of a user who has nothing against colour
// (https://no-color.org).
func wantsColour(out io.Writer, env func(string) string) bool {
	file, is := out.(*os.File)
	if !is || env("NO_COLOR") != "" || env("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
