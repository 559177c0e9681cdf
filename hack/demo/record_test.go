// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func session() (lines []styled) {
	for i := range 8 {
		lines = append(lines, styled{blue, fmt.Sprintf("[%d/8] <step>", i+1)}, styled{bold, "$ command && more"}, styled{"", ""}, styled{green, "+ a  b"})
	}
	return append(lines, styled{yellow, strings.Repeat("word ", 50)})
}

func TestARecordingIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(string(recording(session())), string(recording(session()))); diff != "" {
		t.Errorf("two differ:\n%s", diff)
	}
}

func TestARecordingIsAnImageThatNeedsNothingElse(t *testing.T) {
	t.Parallel()
	data := recording(session())
	var texts []string
	for decoder := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "script" || token.Name.Local == "image" || token.Name.Local == "foreignObject" {
				t.Errorf("it has the element %s", token.Name.Local)
			}
			for _, a := range token.Attr {
				if a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("it has the attribute %s", a.Name.Local)
				}
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
	all := strings.ReplaceAll(strings.Join(texts, "\n"), noBreakSpace, " ")
	for _, want := range []string{"[8/8] <step>", "$ command && more", "+ a  b"} {
		if !strings.Contains(all, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(all, "@import") || strings.Contains(strings.ReplaceAll(all, "url(#w)", ""), "url(") {
		t.Error("its style loads something")
	}
}

func TestLinesOfARecordingAppearInTheirOrder(t *testing.T) {
	t.Parallel()
	times := schedule(wrap(session()))
	for i := 1; i < len(times); i++ {
		if times[i] <= times[i-1] {
			t.Errorf("line %d appears at %g %%, and the one before at %g %%", i, times[i], times[i-1])
		}
	}
	if last := times[len(times)-1]; times[0] != 0 || last >= 100 {
		t.Errorf("they appear from %g %% to %g %%, want from 0 %% to less than 100 %%", times[0], last)
	}
}

func TestTheLastLinesAreSeenWhereNothingIsAnimated(t *testing.T) {
	t.Parallel()
	data := string(recording(session()))
	n := len(wrap(session()))
	if want := fmt.Sprintf(`transform="translate(0,%d)"`, -lineHeight*(n-rows)); !strings.Contains(data, want) {
		t.Errorf("%d lines are not moved by %s", n, want)
	}
	ys := regexp.MustCompile(`x="18" y="(\d+)"`).FindAllStringSubmatch(data, -1)
	last, err := strconv.Atoi(ys[len(ys)-1][1])
	if err != nil {
		t.Fatal(err)
	}
	if y := last - lineHeight*(n-rows); y <= titleBar || y > titleBar+rows*lineHeight {
		t.Errorf("the last line is at %d, outside of the screen", y)
	}
}

func TestLinesOfARecordingAreBrokenBehindAWord(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		line string
		want []int // characters
	}{
		"a line that fits":          {strings.Repeat("ü", columns), []int{columns}},
		"a line without a space":    {strings.Repeat("ü", columns+1), []int{columns, 1}},
		"a space late in the line":  {strings.Repeat("ü", columns-5) + " " + strings.Repeat("b", 10), []int{columns - 4, 10}},
		"a space early in the line": {"a " + strings.Repeat("b", columns), []int{columns, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, s := range wrap([]styled{{text: tc.line}}) {
				got = append(got, len([]rune(s.text)))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
