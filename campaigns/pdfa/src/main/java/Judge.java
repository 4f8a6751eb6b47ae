import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Each file beside PDF/A-2b: its name, whether it complies, the clauses that it breaks. */
public class Judge {
    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        var foundry = Foundries.defaultInstance();
        for (String file : files) {
            try (var parser = foundry.createParser(new FileInputStream(file), PDFAFlavour.PDFA_2_B)) {
                var result = foundry.createValidator(PDFAFlavour.PDFA_2_B, false).validate(parser);
                var broken = new StringBuilder();
                for (TestAssertion one : result.getTestAssertions()) {
                    if (one.getStatus() == TestAssertion.Status.FAILED) {
                        broken.append(one.getRuleId().getClause()).append(' ');
                    }
                }
                System.out.println(file + "\t" + result.isCompliant() + "\t" + broken);
            }
        }
    }
}
