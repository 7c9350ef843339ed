package io.athenic.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The arrows of docs/ARCHITECTURE.md, between packages. */
class ArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.athenic");

    @Test
    void modulesUseOnlyWhatTheirArrowsAllow() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("protocol")
                .definedBy("io.athenic.e2b.protocol..")
                .layer("sdk")
                .definedBy("io.athenic.e2b")
                .layer("engine")
                .definedBy("io.athenic.engine..")
                .layer("e2b-server")
                .definedBy("io.athenic.e2b.server..")
                .layer("execution")
                .definedBy("io.athenic.execution..")
                .layer("chat")
                .definedBy("io.athenic.chat..")
                .layer("server")
                .definedBy("io.athenic.server..")
                .whereLayer("server")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("chat")
                .mayOnlyBeAccessedByLayers("server")
                .whereLayer("execution")
                .mayOnlyBeAccessedByLayers("chat", "server")
                .whereLayer("e2b-server")
                .mayOnlyBeAccessedByLayers("server")
                .whereLayer("engine")
                .mayOnlyBeAccessedByLayers("e2b-server", "server")
                .whereLayer("sdk")
                .mayOnlyBeAccessedByLayers("execution", "chat", "server")
                .whereLayer("protocol")
                .mayOnlyBeAccessedByLayers("sdk", "e2b-server", "execution", "chat")
                .check(CLASSES);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("io.athenic.(**)").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void engineKnowsNoHttp() {
        noClasses()
                .that()
                .resideInAPackage("io.athenic.engine..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.vertx..", "java.net.http..")
                .check(CLASSES);
    }

    /** The two programs: the server's, and the benchmarks', which is there only when the test runs on the classes of all modules. */
    @Test
    void onlyTheCommandLineExits() {
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName("io.athenic.server.Main")
                .and()
                .doNotHaveFullyQualifiedName("io.athenic.benchmarks.Main")
                .should()
                .callMethod(System.class, "exit", int.class)
                .check(CLASSES);
    }
}
