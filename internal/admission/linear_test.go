// SPDX-License-Identifier: Apache-2.0

//go:build linux

package admission

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pillion-dev/pillion/internal/policy"
)

// largePods are pods that ask for a helper, of which one part makes up nearly all of so
// many bytes.
func largePods(size int) map[string][]byte {
	list := func(one func(i int) string) string {
		var out strings.Builder
		for i := 0; out.Len() < size; i++ {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString(one(i))
		}
		return out.String()
	}
	same := func(text string) func(int) string { return func(int) string { return text } }
	web := func(member, elements string) []byte {
		return asks(`{"containers":[{"name":"web",` + member + `:[` + elements + `]}]}`)
	}
	const asked = `"date-writer.pillion.dev/mount-path":"/srv"`
	return map[string][]byte{
		"containers":     asks(`{"containers":[` + list(func(i int) string { return fmt.Sprintf(`{"name":"c%d","image":"nginx"}`, i) }) + `]}`),
		"env":            web(`"env"`, list(same(`{"name":"A","value":"b"}`))),
		"args":           web(`"args"`, list(same(`"a"`))),
		"command":        web(`"command"`, list(same(`"a"`))),
		"ports":          web(`"ports"`, list(same(`{"containerPort":80}`))),
		"mounts":         web(`"volumeMounts"`, list(func(i int) string { return fmt.Sprintf(`{"name":"v","mountPath":"/%d"}`, i) })),
		"devices":        web(`"volumeDevices"`, list(func(i int) string { return fmt.Sprintf(`{"name":"v","devicePath":"/%d"}`, i) })),
		"volumes":        asks(`{"containers":[{"name":"web"}],"volumes":[` + list(func(i int) string { return fmt.Sprintf(`{"name":"v%d","emptyDir":{}}`, i) }) + `]}`),
		"reserved":       asks(`{"containers":[{"name":"web"}],"volumes":[` + list(func(i int) string { return fmt.Sprintf(`{"name":"pillion-%d","emptyDir":{}}`, i) }) + `]}`),
		"pull secrets":   asks(`{"containers":[{"name":"web"}],"imagePullSecrets":[` + list(func(i int) string { return fmt.Sprintf(`{"name":"s%d"}`, i) }) + `]}`),
		"node selector":  asks(`{"containers":[{"name":"web"}],"nodeSelector":{` + list(func(i int) string { return fmt.Sprintf(`"k%d":"v"`, i) }) + `}}`),
		"sysctls":        asks(`{"containers":[{"name":"web"}],"securityContext":{"sysctls":[` + list(func(i int) string { return fmt.Sprintf(`{"name":"kernel.a%d","value":"1"}`, i) }) + `]}}`),
		"annotations":    []byte(`{"metadata":{"annotations":{` + asked + `,` + list(func(i int) string { return fmt.Sprintf(`"k%d":"v"`, i) }) + `}},"spec":{"containers":[{"name":"web"}]}}`),
		"our keys":       []byte(`{"metadata":{"annotations":{` + asked + `,` + list(func(i int) string { return fmt.Sprintf(`"k%d.pillion.dev/x":"v"`, i) }) + `}},"spec":{"containers":[{"name":"web"}]}}`),
		"one long key":   []byte(`{"metadata":{"annotations":{` + asked + `,"` + strings.Repeat("x", size) + `.pillion.dev/x":"v"}},"spec":{"containers":[{"name":"web"}]}}`),
		"one long value": []byte(`{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"` + strings.Repeat("/x", size/2) + `"}},"spec":{"containers":[{"name":"web"}]}}`),
		"safe to evict":  []byte(`{"metadata":{"annotations":{` + asked + `,"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes":"` + strings.Repeat("v,", size/2) + `"}},"spec":{"containers":[{"name":"web"}]}}`),
		"unknown names":  asks(`{"containers":[{"name":"web"}],` + list(func(i int) string { return fmt.Sprintf(`"x%d":0`, i) }) + `}`),
		"depth":          asks(`{"containers":[{"name":"web"}],"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `,"y":[` + list(same("[[[[]]]]")) + `]}`),
		"escapes":        asks(`{"containers":[{"name":"web","args":["` + strings.Repeat(`\\u0041`, size/6) + `"]}]}`),
		"whitespace":     asks(`{"containers":[{"name":"web"}]` + strings.Repeat(" ", size) + `}`),
	}
}

// BenchmarkLargePods is about growth: twice the pod is to take twice the processor time,
// whatever the pod is large by. It reports the time for each KB at the largest size that is
// read (what has too many elements for the view is malformed, and left out), and how well a
// line through the origin explains the sizes: r2 is 1 for one that fits.
//
//	go test -run '^$' -bench LargePods -benchtime 5x ./internal/admission
func BenchmarkLargePods(b *testing.B) {
	p := policy.Builtin()
	for name := range largePods(1) {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			var pods [][]byte
			for size := 93_750; size <= 3_000_000; size *= 2 {
				pod := largePods(size)[name]
				if _, err := Inject(testInjector, p, pod, Template{}); err == nil {
					pods = append(pods, pod)
				}
			}
			took := make([]float64, len(pods)) // nanoseconds, of all runs
			runs := 0.0
			for b.Loop() {
				runs++
				for i, pod := range pods {
					runtime.GC() // that of the one before is not this one's
					before := processorTime(b)
					if _, err := Inject(testInjector, p, pod, Template{}); err != nil {
						b.Fatal(err)
					}
					took[i] += float64(processorTime(b) - before)
				}
			}
			b.ReportMetric(lineFits(pods, took), "r2")
			last := len(pods) - 1
			b.ReportMetric(took[last]/runs/float64(len(pods[last]))*1000, "cpu-ns/KB")
			b.ReportMetric(float64(len(pods[last]))/1000, "KB")
			b.ReportMetric(0, "ns/op")
			b.Logf("%s: %.0f", name, took)
		})
	}
}

// lineFits is the coefficient of determination of the best line through the origin.
func lineFits(pods [][]byte, took []float64) float64 {
	var xy, xx, mean float64
	for i := range pods {
		x := float64(len(pods[i]))
		xy, xx, mean = xy+x*took[i], xx+x*x, mean+took[i]/float64(len(pods))
	}
	var residual, total float64
	for i := range pods {
		off, from := took[i]-xy/xx*float64(len(pods[i])), took[i]-mean
		residual, total = residual+off*off, total+from*from
	}
	return 1 - residual/total
}

// processorTime is what the process has used, in user and system mode.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
