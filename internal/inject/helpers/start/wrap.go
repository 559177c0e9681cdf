// SPDX-License-Identifier: Apache-2.0

package start

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
)

// words are the command prefix.
func (w *wrapped) words(limit option.Value) []string {
	words := []string{wrapper, "run"}
	for _, c := range w.waits {
		words = append(words, "--wait="+c.text)
	}
	if len(w.waits) > 0 {
		words = append(words, "--timeout="+limit.Duration().String())
	}
	if w.umask != "" {
		words = append(words, "--umask="+w.umask)
	}
	if w.state {
		words = append(words, "--name="+w.Name, "--state="+runDir)
	}
	if file := w.TerminationMessagePath; file != "" && file != corev1.TerminationMessagePathDefault {
		words = append(words, "--termination-log="+file)
	}
	for i := range words {
		words[i] = helper.Literal(words[i])
	}
	return append(words, "--")
}

// wrapperOf counts the first words of a command that are a wrapper of ours: our
// program, "run", flags and "--", with a command behind them. A command that only begins
// like one is the app's own.
func wrapperOf(command []string) int {
	if len(command) < 2 || command[0] != wrapper || command[1] != "run" {
		return 0
	}
	for i, word := range command[2:] {
		switch {
		case word == "--" && i+3 < len(command):
			return i + 3
		case word == "--" || !strings.HasPrefix(word, "--"):
			return 0
		}
	}
	return 0
}
