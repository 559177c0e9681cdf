// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/test/chart/render"
)

// another is, for each value, one that is not its default, and what else has to be set for it
// to matter.
var another = map[string]string{
	"replicas":            `replicas: 3`,
	"image.repository":    `image: {repository: a/b}`,
	"image.tag":           `image: {tag: v9}`,
	"image.digest":        `image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}`,
	"image.pullPolicy":    `image: {pullPolicy: Always}`,
	"imagePullSecrets":    `imagePullSecrets: [{name: a}]`,
	"helperImage":         `helperImage: a/b:v1`,
	"policies":            `policies: {web: {helpers: {ipc: {}}}}`,
	"helpers":             "helpers: {log-shipper: " + shipper + "}",
	"excludedNamespaces":  `excludedNamespaces: [a]`,
	"failurePolicy":       `failurePolicy: Ignore`,
	"timeoutSeconds":      `timeoutSeconds: 6`,
	"certificates.source": `certificates: {source: job}`,

	"certificates.duration":                 `certificates: {duration: 1000h}`,
	"certificates.renewBefore":              `certificates: {renewBefore: 100h}`,
	"certificates.caDuration":               `certificates: {caDuration: 10000h}`,
	"certificates.issuerRef.name":           `certificates: {source: issuer, issuerRef: {name: b}}`,
	"certificates.issuerRef.kind":           `certificates: {source: issuer, issuerRef: {name: a, kind: ClusterIssuer}}`,
	"certificates.issuerRef.group":          `certificates: {source: issuer, issuerRef: {name: a, group: b}}`,
	"certificates.secretName":               `certificates: {source: secret, secretName: b, configurationAnnotations: {a: b}}`,
	"certificates.caBundle":                 `certificates: {source: issuer, issuerRef: {name: a}, caBundle: "-----BEGIN CERTIFICATE-----"}`,
	"certificates.configurationAnnotations": `certificates: {source: secret, secretName: a, configurationAnnotations: {c: d}}`,

	"certificates.job.image.repository": `certificates: {source: job, job: {image: {repository: a/b}}}`,
	"certificates.job.image.tag":        `certificates: {source: job, job: {image: {tag: v9}}}`,
	"certificates.job.image.digest":     `certificates: {source: job, job: {image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}}}`,
	"certificates.job.image.pullPolicy": `certificates: {source: job, job: {image: {pullPolicy: Always}}}`,
	"certificates.job.schedule":         `certificates: {source: job, job: {schedule: "0 0 * * *"}}`,
	"certificates.job.validity":         `certificates: {source: job, job: {validity: 1000h}}`,
	"finalStateGuard.enabled":           `finalStateGuard: {enabled: false}`,
	"labelGuard.enabled":                `labelGuard: {enabled: true}`,
	"labelGuard.groups":                 `labelGuard: {enabled: true, groups: [a]}`,

	"port":                              `port: 10250`,
	"healthPort":                        `healthPort: 8082`,
	"hostNetwork":                       `hostNetwork: true`,
	"tlsMinVersion":                     `tlsMinVersion: "1.3"`,
	"drain.minSeconds":                  `drain: {minSeconds: 16}`,
	"drain.maxSeconds":                  `drain: {maxSeconds: 96}`,
	"log.format":                        `log: {format: text}`,
	"log.level":                         `log: {level: debug}`,
	"resources.requests.cpu":            `resources: {requests: {cpu: 51m}}`,
	"resources.requests.memory":         `resources: {requests: {memory: 65Mi}}`,
	"resources.limits.memory":           `resources: {limits: {memory: 257Mi}}`,
	"runAsUser":                         `runAsUser: 65533`,
	"priorityClassName":                 `priorityClassName: a`,
	"podLabels":                         `podLabels: {a: b}`,
	"podAnnotations":                    `podAnnotations: {a: b}`,
	"serviceAnnotations":                `serviceAnnotations: {a: b}`,
	"nodeSelector":                      `nodeSelector: {a: b}`,
	"tolerations":                       `tolerations: [{operator: Exists}]`,
	"affinity":                          `affinity: {podAntiAffinity: {}}`,
	"podDisruptionBudget.enabled":       `podDisruptionBudget: {enabled: false}`,
	"autoscaling.enabled":               `autoscaling: {enabled: true}`,
	"autoscaling.minReplicas":           `autoscaling: {enabled: true, minReplicas: 3}`,
	"autoscaling.maxReplicas":           `autoscaling: {enabled: true, maxReplicas: 7}`,
	"networkPolicy.enabled":             `networkPolicy: {enabled: false}`,
	"monitoring.denialsByNamespace":     `monitoring: {denialsByNamespace: 50}`,
	"monitoring.labels":                 `monitoring: {podMonitor: {enabled: true}, labels: {a: b}}`,
	"monitoring.podMonitor.enabled":     `monitoring: {podMonitor: {enabled: true}}`,
	"monitoring.podMonitor.interval":    `monitoring: {podMonitor: {enabled: true, interval: 31s}}`,
	"monitoring.serviceMonitor.enabled": `monitoring: {serviceMonitor: {enabled: true}}`,

	"monitoring.serviceMonitor.interval":         `monitoring: {serviceMonitor: {enabled: true, interval: 31s}}`,
	"monitoring.prometheusRule.enabled":          `monitoring: {prometheusRule: {enabled: true}}`,
	"monitoring.prometheusRule.runbookURL":       `monitoring: {prometheusRule: {enabled: true, runbookURL: "https://a/"}}`,
	"monitoring.dashboard.enabled":               `monitoring: {dashboard: {enabled: true}}`,
	"monitoring.dashboard.label":                 `monitoring: {dashboard: {enabled: true, label: a}}`,
	"autoscaling.targetCPUUtilizationPercentage": `autoscaling: {enabled: true, targetCPUUtilizationPercentage: 99}`,

	"helmTest.image.repository": `helmTest: {image: {repository: a/b}}`,
	"helmTest.image.tag":        `helmTest: {image: {tag: v9}}`,
	"helmTest.image.digest":     `helmTest: {image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}}`,
	"helmTest.image.pullPolicy": `helmTest: {image: {pullPolicy: Always}}`,
	"helmTest.namespaces":       `helmTest: {namespaces: [a]}`,
	"fullnameOverride":          `fullnameOverride: a`,

	"global.imageRegistry":               `global: {imageRegistry: registry.example/mirror}`,
	"global.imagePullSecrets":            `global: {imagePullSecrets: [{name: acme}]}`,
	"imageRegistry":                      `imageRegistry: registry.example/mirror`,
	"namespaceSelector.matchLabels":      `namespaceSelector: {matchLabels: {a: b}}`,
	"namespaceSelector.matchExpressions": `namespaceSelector: {matchExpressions: [{key: a, operator: Exists}]}`,
	"objectSelector":                     `objectSelector: {matchLabels: {a: b}}`,
	"matchConditions":                    `matchConditions: [{name: a, expression: "true"}]`,
	"allowSharedNamespace":               "", // TestASharedNamespaceIsDenied
	"extraArgs":                          `extraArgs: [--max-body=1000000]`,
	"extraEnv":                           `extraEnv: [{name: A, value: b}]`,
	"serviceAccount.create":              `serviceAccount: {create: false, name: a}`,
	"serviceAccount.name":                `serviceAccount: {name: a}`,
	"serviceAccount.annotations":         `serviceAccount: {annotations: {a: b}}`,
	"resourceQuota.enabled":              "priorityClassName: system-cluster-critical\nresourceQuota: {enabled: false}",
	"resourceQuota.pods":                 "priorityClassName: system-node-critical\nresourceQuota: {pods: 9}",
	"clientCertificates.caConfigMap":     `clientCertificates: {caConfigMap: a}`,
	"clientCertificates.names":           `clientCertificates: {caConfigMap: a, names: [b]}`,
	"commonLabels":                       `commonLabels: {a: b}`,
	"deploymentAnnotations":              `deploymentAnnotations: {a: b}`,
	"revisionHistoryLimit":               `revisionHistoryLimit: 3`,
	"service.ipFamilyPolicy":             `service: {ipFamilyPolicy: PreferDualStack}`,
	"service.ipFamilies":                 `service: {ipFamilies: [IPv6, IPv4]}`,
	"topologySpreadConstraints":          `topologySpreadConstraints: [{topologyKey: a, maxSkew: 1, whenUnsatisfiable: DoNotSchedule}]`,
	"workloads":                          `workloads: [{apiGroup: argoproj.io, resources: [rollouts]}]`,
	"podDisruptionBudget.maxUnavailable": `podDisruptionBudget: {maxUnavailable: 30%}`,
	"podDisruptionBudget.minAvailable":   `podDisruptionBudget: {minAvailable: 1}`,
	"networkPolicy.from":                 `networkPolicy: {from: [{ipBlock: {cidr: 10.0.0.0/28}}]}`,
	"networkPolicy.metricsFrom":          `networkPolicy: {metricsFrom: [{ipBlock: {cidr: 10.0.0.0/28}}]}`,
	"namespaceOverride":                  `namespaceOverride: a`,
	"extraObjects":                       `extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]`,

	"monitoring.helpers.enabled":                  `monitoring: {helpers: {enabled: true}}`,
	"monitoring.helpers.interval":                 `monitoring: {helpers: {enabled: true, interval: 31s}}`,
	"monitoring.helpers.scrapeTimeout":            `monitoring: {helpers: {enabled: true, scrapeTimeout: 5s}}`,
	"monitoring.helpers.namespace":                `monitoring: {helpers: {enabled: true, namespace: a}}`,
	"monitoring.helpers.relabelings":              `monitoring: {helpers: {enabled: true, relabelings: [{action: labeldrop, regex: a}]}}`,
	"monitoring.helpers.metricRelabelings":        `monitoring: {helpers: {enabled: true, metricRelabelings: [{action: labeldrop, regex: a}]}}`,
	"monitoring.podMonitor.namespace":             `monitoring: {podMonitor: {enabled: true, namespace: a}}`,
	"monitoring.podMonitor.scrapeTimeout":         `monitoring: {podMonitor: {enabled: true, scrapeTimeout: 5s}}`,
	"monitoring.podMonitor.relabelings":           `monitoring: {podMonitor: {enabled: true, relabelings: [{action: labeldrop, regex: a}]}}`,
	"monitoring.podMonitor.metricRelabelings":     `monitoring: {podMonitor: {enabled: true, metricRelabelings: [{action: labeldrop, regex: a}]}}`,
	"monitoring.serviceMonitor.namespace":         `monitoring: {serviceMonitor: {enabled: true, namespace: a}}`,
	"monitoring.serviceMonitor.scrapeTimeout":     `monitoring: {serviceMonitor: {enabled: true, scrapeTimeout: 5s}}`,
	"monitoring.serviceMonitor.relabelings":       `monitoring: {serviceMonitor: {enabled: true, relabelings: [{action: labeldrop, regex: a}]}}`,
	"monitoring.serviceMonitor.metricRelabelings": `monitoring: {serviceMonitor: {enabled: true, metricRelabelings: [{action: labeldrop, regex: a}]}}`,
}

// leaves are the paths of all values, with their defaults. A map or a list is one if it has
// nothing in it.
func leaves(t *testing.T) []string {
	t.Helper()
	var paths []string
	var walk func(path string, value any)
	walk = func(path string, value any) {
		m, isMap := value.(map[string]any)
		if !isMap || len(m) == 0 {
			paths = append(paths, path)
			return
		}
		for key, v := range m {
			walk(strings.TrimPrefix(path+"."+key, "."), v)
		}
	}
	walk("", readValues(t, root+"/charts/pillion/values.yaml"))
	slices.Sort(paths)
	return paths
}

func TestEachValueChangesSomething(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(leaves(t), slices.Sorted(maps.Keys(another))); diff != "" {
		t.Fatalf("values.yaml and this test know different values (-values.yaml +test):\n%s", diff)
	}
	for path, text := range another {
		if text == "" {
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			values := parseValues(t, text)
			with := manifests(t, values)
			// The same without the one value, but for those without which nothing renders.
			without := manifests(t, remove(values, strings.Split(path, ".")))
			if cmp.Equal(without, with) {
				t.Errorf("%s: nothing is rendered otherwise than with the default", text)
			}
		})
	}
}

// remove returns values without the one at path, or with one that is as good where there
// has to be one.
func remove(values map[string]any, path []string) map[string]any {
	out := maps.Clone(values)
	under, isMap := out[path[0]].(map[string]any)
	switch {
	case len(path) == 1 && path[0] == "name":
		out["name"] = "some"
	case len(path) == 1 && path[0] == "secretName":
		out["secretName"] = "some"
	case len(path) == 1 && path[0] == "configurationAnnotations":
		out["configurationAnnotations"] = map[string]any{"some": "other"}
	case len(path) == 1:
		delete(out, path[0])
	case isMap:
		out[path[0]] = remove(under, path[1:])
	}
	return out
}

// With --reuse-values a release has the defaults that it was made with, and templates must do
// without those of later versions.
func TestAReleaseOfAnOlderChartIsUpgradedWithItsValues(t *testing.T) {
	t.Parallel()
	old := readValues(t, "previous/values.yaml")
	for name, text := range map[string]string{
		"the defaults":  ``,
		"a Job":         `certificates: {source: job}`,
		"all that was":  "{imagePullSecrets: [{name: acme}], priorityClassName: system-cluster-critical, autoscaling: {enabled: true}, finalStateGuard: {enabled: true}, labelGuard: {enabled: true}}",
		"all monitors":  `monitoring: {podMonitor: {enabled: true}, serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}, dashboard: {enabled: true}}`,
		"some policies": `policies: {web: {helpers: {date-writer: }}, audited: {require: [{helper: date-writer, options: {mount-path: /a}}], helpers: {date-writer: {}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered, err := render.Reused(root, old, parseValues(t, text))
			if err != nil {
				t.Fatal(err)
			}
			delete(rendered, "NOTES.txt")
			reused := objectsIn(t, rendered)
			podOf(t, reused)
			if name == "the defaults" {
				for _, o := range reused {
					if strings.HasPrefix(o.GetKind(), "ValidatingAdmissionPolicy") {
						t.Errorf("%s: a guard that the release did not have", o.GetName())
					}
				}
			}
		})
	}
}

func TestASharedNamespaceIsDenied(t *testing.T) {
	t.Parallel()
	for namespace, values := range map[string]string{"default": ``, "kube-system": ``, "kube-public": ``, "shop": `excludedNamespaces: [shop]`, "pillion-system": `namespaceOverride: default`} {
		_, err := render.In(root, namespace, parseValues(t, values))
		if err == nil || !strings.Contains(err.Error(), ": pods of the release's namespace get no helpers and no error, so it must not be one that others use; choose one for Pillion alone") {
			t.Errorf("%s: %v", namespace, err)
		}
		all := parseValues(t, values)
		if all == nil {
			all = map[string]any{}
		}
		all["allowSharedNamespace"] = true
		if _, err := render.In(root, namespace, all); err != nil {
			t.Errorf("%s, with allowSharedNamespace: %v", namespace, err)
		}
	}
}

// A Service's name begins with a letter and has no dot.
func TestReleaseNamesThatGiveNoNameOfAServiceAreDenied(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{"pillion": true, "1a": true, "acme": true, "1pillion": false, "my.pillion": false, "a.b": false} {
		_, err := render.Named(root, name, nil)
		if valid && err != nil || !valid && (err == nil || !strings.Contains(err.Error(), "the release name \""+name+"\": gives objects the name ")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A value that templates use and values.yaml does not have is one that nobody can find.
func TestTemplatesUseDeclaredValuesOnly(t *testing.T) {
	t.Parallel()
	used := regexp.MustCompile(`\.Values((?:\.[A-Za-z0-9]+)+)`)
	declared := readValues(t, root+"/charts/pillion/values.yaml")
	err := filepath.WalkDir(root+"/charts/pillion/templates", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range used.FindAllStringSubmatch(string(text), -1) {
			if !declares(declared, strings.Split(match[1], ".")[1:]) {
				t.Errorf("%s uses .Values%s, which values.yaml does not declare", path, match[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// declares: below an empty map, keys are the user's.
func declares(values map[string]any, path []string) bool {
	value, found := values[path[0]]
	under, isMap := value.(map[string]any)
	switch {
	case !found:
		return false
	case len(path) == 1 || isMap && len(under) == 0:
		return true
	default:
		return isMap && declares(under, path[1:])
	}
}

// Every key may be what Helm 4's --set makes of it, so the names themselves are tried.
func TestTheReleaseMayHaveAnyName(t *testing.T) {
	t.Parallel()
	for override, want := range map[string]string{"": "pillion", "acme": "acme", strings.Repeat("a", 44) + "-": strings.Repeat("a", 44)} {
		all, err := render.Chart(root, map[string]any{"fullnameOverride": override})
		if err != nil {
			t.Fatal(err)
		}
		if text := "\n  name: " + want + "-webhook\n"; !strings.Contains(all["deployment.yaml"], text) {
			t.Errorf("fullnameOverride %q: the Deployment is not called %s-webhook", override, want)
		}
	}
}
